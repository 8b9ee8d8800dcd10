// SPDX-License-Identifier: Apache-2.0
// Log-probabilities of the tokens of a text, window by window. What is a window, and which of its
// tokens count, was decided by text/windows.h; docs/protocols.md says what the numbers mean.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/causal_lm.h"
#include "text/windows.h"

namespace shorten::eval {

// For each window log p(ids[p] | ids[0..p)) for p = 1 .. n-1, fp32 (so one value fewer than ids).
std::vector<std::vector<float>> window_logprobs(const model::CausalLm& model, std::span<const text::Window> windows,
                                                const std::function<void(int64_t)>& progress);

}  // namespace shorten::eval
