// SPDX-License-Identifier: Apache-2.0
// The lockstep walk: many variants of one model, each without some of its units, go through the blocks together.
// Variants that have removed the same units so far are one hidden state, so leaving out each block in turn costs
// L (L + 1) / 2 block evaluations instead of L (L - 1), and the weights of a block are touched once for all.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "score/head.h"
#include "score/schedule.h"

namespace shorten::score {

struct WalkOptions {
  Objective objective = Objective::kNll;
  Intact intact = Intact::kAbsent;  // needed for hooks that observe the intact model
  uint64_t memory = UINT64_MAX;     // for hidden states and what is made of them on the way, in bytes
  int64_t tile_tokens = 0;          // that go through a block at once; 0: what suits the device
};

// How a walk is cut so that it stays within its memory: into groups of rows, and where not even one row of all variants
// fits, into batches of variants. One row of one variant is always tried.
struct WalkPlan {
  WalkOptions options;
  int64_t rows = 1;         // that go together
  size_t sets = 1;          // that go together
  int64_t evaluations = 0;  // of blocks and of single halves by a group of rows, for progress
  uint64_t bytes = 0;       // at the widest point
};
WalkPlan plan_walk(const model::CausalLm& model, int64_t rows, int64_t length, std::span<const plan::RemovalSet> sets,
                   const WalkOptions& options);

// What is told on the way; any of them may be empty. Tensors must not be written to.
struct WalkHooks {
  std::function<void(int64_t evaluations)> progress = {};
  // Each block once, before anything goes through it.
  std::function<void(int block, const model::Block&)> weights = {};
  // The intact model's states before and after each block, [n, T, D] each, of the rows first_row .. first_row + n.
  std::function<void(int block, int64_t first_row, const Tensor& before, const Tensor& after)> states = {};
  // The inputs [n, T, in] of the intact model's projections. REQUIRES Intact::kAlone.
  std::function<void(int block, int64_t first_row, model::Projection, const Tensor& input)> inputs = {};
};

// The sum of the objective over all N (T - 1) positions, in nats, for each variant. `ids` [N, T] int64 on the model's
// device, of the shape that the plan was made for.
std::vector<double> walk(const model::CausalLm& model, const Tensor& ids, std::span<const plan::RemovalSet> sets,
                         const WalkPlan& plan, const WalkHooks& hooks = {});

}  // namespace shorten::score
