// SPDX-License-Identifier: Apache-2.0
// The model that is trained, and which tensors of it are. Its other tensors are shared with whoever else has them: with
// LoRA a student of a parent is the parent's blocks without some, and costs no second copy.
#pragma once

#include <string>
#include <vector>

#include "model/causal_lm.h"
#include "recipe/settings.h"
#include "train/trainable.h"

namespace shorten::train {

// Where the two matrices of one module lie in stacked trainables.
struct AdapterPart {
  int64_t block = 0;
  std::string module;   // "self_attn.q_proj"
  size_t a = 0, b = 0;  // in Student::trainables
  int64_t a_row = 0;    // of its `rank` rows in a, and columns in b
  int64_t b_row = 0, out = 0;
};

struct Student {
  model::CausalLm model;
  std::vector<Trainable> trainables;
  // Those of block i are begin[i] .. begin[i + 1] - 1; those that belong to no block come after the last.
  std::vector<size_t> begin;
  std::vector<AdapterPart> parts;  // of LoRA, by block, then in the order of a block's tensors
  int64_t rank = 0;
  double scale = 0;  // of B A

  Trainable* embedding() { return embedding_ < trainables.size() ? &trainables[embedding_] : nullptr; }
  Tensor part_a(const AdapterPart& part) const;  // [rank, in], a view of the master
  Tensor part_b(const AdapterPart& part) const;  // [out, rank]

  // Masks for the next micro-batch, whose tokens have these places (Batch::places).
  void set_dropout(double p, uint64_t seed, const Tensor& places);
  void stop_dropout() { set_dropout(0, 0, {}); }

  size_t embedding_ = SIZE_MAX;
};

// Adapters beside the target projections: A uniform in ±1/√in by the seed and the name of the module, B zero.
Student make_lora_student(model::CausalLm model, const recipe::Settings& settings);

// All parameters. The model's own tensors become the masters' first values, and are replaced by compute copies in
// `dtype`.
Student make_full_student(model::CausalLm model, at::ScalarType dtype);

// Numbers that the adapters of make_lora_student hold: B of stacked projections has zeros that are never trained.
uint64_t count_adapter(const family::ModelSpec& spec, const recipe::Settings& settings);
int64_t count_trained(const Student& student);  // numbers that are trained

}  // namespace shorten::train
