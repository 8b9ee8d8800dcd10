// SPDX-License-Identifier: Apache-2.0
// The lockstep walk: many variants of one model, each without some of its blocks, go through the
// blocks together. Variants that have removed the same blocks so far are one hidden state, so leaving
// out each block in turn costs L (L + 1) / 2 block evaluations instead of L (L - 1), and the weights
// of a block are touched once for all.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/causal_lm.h"

namespace shorten::score {

using RemovalSet = std::vector<int>;  // indices of blocks, ascending

// Called for every block of the intact model with the state before and after it, [N, T, D] each.
using Observer = std::function<void(int block, const Tensor& before, const Tensor& after)>;

struct WalkOptions {
  int64_t tile_tokens = 0;  // tokens that go through a block at once; 0: what suits the device
};

// The sum over all N (T - 1) targets of −log p, in nats, for each variant. `ids` [N, T] int64 on the
// model's device. The intact model takes part if there is an observer or an empty set among `variants`.
std::vector<double> walk(const model::CausalLm& model, const Tensor& ids, std::span<const RemovalSet> variants,
                         const Observer& observe, const std::function<void(int64_t)>& progress,
                         const WalkOptions& options = {});

// Block evaluations of one such walk, for estimates and progress.
int64_t count_evaluations(int64_t blocks, std::span<const RemovalSet> variants);

}  // namespace shorten::score
