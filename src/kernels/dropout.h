// SPDX-License-Identifier: Apache-2.0
// Dropout (Srivastava et al. 2014) whose mask is a function of place and seed: the backward pass applies it again.
#pragma once

#include "kernels/torch.h"

namespace shorten::kernels {

// Each element of x [..., n] is 0 with probability p, else x / (1 - p). What decides is the seed, the element's column
// and the place of its row; places [rows] int64. Rows of one place have one mask, whatever stands beside them.
Tensor hashed_dropout(const Tensor& x, double p, uint64_t seed, const Tensor& places);

// What the kernels compare a roll of the die with.
struct Die {
  uint32_t threshold = 0;  // below it the element is dropped
  float scale = 1;
};
Die make_die(double p);

}  // namespace shorten::kernels
