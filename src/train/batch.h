// SPDX-License-Identifier: Apache-2.0
// A micro-batch as tensors.
#pragma once

#include "data/batches.h"
#include "model/causal_lm.h"

namespace shorten::train {

struct Batch {
  Tensor ids;              // [N, T] int64, padded at the end of rows
  model::Context context;  // who sees whom: each example only itself
  model::Context teacher;  // the same for the teacher, whose positions and windows are its own
  Tensor predicting;       // [P] int64: the places in the N T states that predict a label that counts
  Tensor targets;          // [P] int64: those labels
  Tensor places;           // [N T] int64: example and position of each token, the same in whatever batch it stands
};

Batch make_batch(const model::CausalLm& model, const std::vector<data::Example>& examples,
                 const data::MicroBatch& layout, const model::CausalLm* teacher = nullptr);

}  // namespace shorten::train
