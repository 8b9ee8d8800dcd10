// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) and the ways to stretch it.
#pragma once

#include "family/spec.h"
#include "kernels/torch.h"

namespace shorten::model {

struct Rope {
  Tensor cos, sin;  // [length, head_dim / 2], fp32, already multiplied by the attention factor
};

// For positions 0 .. length-1 of a sequence of `length` tokens. The length matters to `dynamic` and
// `longrope`, which choose their frequencies by it.
Rope make_rope(const family::RopeSpec& spec, int64_t head_dim, int64_t length, at::Device device);

// True for the ways that choose their frequencies by the length of the sequence.
bool depends_on_length(const family::RopeSpec& spec);

// Frequencies in radians a position, head_dim / 2 of them, and the factor on cos and sin.
struct RopeFrequencies {
  std::vector<double> frequency;
  double attention_factor = 1;
};
RopeFrequencies rope_frequencies(const family::RopeSpec& spec, int64_t head_dim, int64_t length);

}  // namespace shorten::model
