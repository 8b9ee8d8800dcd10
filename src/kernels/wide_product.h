// SPDX-License-Identifier: Apache-2.0
// Matrix products of half precision on a CPU that multiplies fp32 faster than bf16: most without AMX. The weights are
// widened piece by piece, each of which stays in the cache until it has been multiplied.
#pragma once

#include "kernels/torch.h"

namespace shorten::kernels {

// Whether products of tensors like x [..., K] are better done this way: half precision on such a CPU, enough rows to
// pay for the widening, no gradients. Decided by the kind of CPU, not by a clock, so that a machine gives the same
// numbers every time.
bool prefers_wide_product(const Tensor& x);

// x [..., K] · weightᵀ [N, K] + bias [N] + residual [..., N], the last two may be undefined; dtype of x. Everything is
// added in fp32 and rounded once.
Tensor wide_product(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual);

}  // namespace shorten::kernels
