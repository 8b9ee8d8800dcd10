// SPDX-License-Identifier: Apache-2.0
// A micro-batch through the student and back, as docs/healing.md, "How a step is computed", has it: a graph a block.
#pragma once

#include <vector>

#include "train/batch.h"
#include "train/student.h"

namespace shorten::train {

// The unpruned parent. Carries no gradients.
struct Teacher {
  model::CausalLm model;
  // block[j] is block j of the student. For hidden states block j stands for itself and the removed ones behind it.
  std::vector<int> block;

  int last_of_group(size_t j) const;  // the teacher's block whose output block j of the student should have
};

struct PassOptions {
  double kd_weight = 0, temperature = 1, hidden_weight = 0;
  double scale = 1;        // what a position weighs in the loss of the step
  bool recompute = false;  // keep only the blocks' inputs, and compute each block again
};

// Sums over the micro-batch's P positions, on the device: [3] fp64. The cross-entropies; T² KL; and the mean over
// blocks of ‖x - x'‖² / D.
Tensor train_pass(Student& student, const Teacher* teacher, const Batch& batch, const PassOptions& options);

// The sum of the cross-entropies alone, without gradients: [] fp64.
Tensor eval_pass(const model::CausalLm& model, const Batch& batch);

}  // namespace shorten::train
