// SPDX-License-Identifier: Apache-2.0
// The loss of the variants that walked together, from their last hidden states.
#pragma once

#include <vector>

#include "model/causal_lm.h"

namespace shorten::score {

enum class Objective {
  kNll,  // -log p(x_t | x_<t)
  kKl,   // KL(p_intact ‖ p_variant) at the same positions
};

// The sum over all N (T - 1) positions for each of `states` [N, T, D]: [number of states] fp64, on the device. `intact`
// is the intact model's state, for the divergence. States are let go as soon as they are done with.
Tensor head_sums(const model::CausalLm& model, const Tensor& ids, Objective objective, std::vector<Tensor> states,
                 const Tensor& intact);

// What that takes beside the states themselves, about, in bytes, for states of so many tokens.
uint64_t head_bytes(const model::CausalLm& model, Objective objective, int64_t tokens);

}  // namespace shorten::score
