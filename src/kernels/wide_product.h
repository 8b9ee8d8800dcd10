// SPDX-License-Identifier: Apache-2.0
// Matrix products of many rows with a weight. On a CPU that multiplies fp32 faster than bf16 (most without AMX), those
// in half precision widen the weight piece by piece, each of which stays in the cache until it has been multiplied.
#pragma once

#include "kernels/torch.h"

namespace shorten::kernels {

inline Tensor flat(const Tensor& x) { return x.reshape({-1, x.size(-1)}); }  // [rows, n]

// x [..., K] · weightᵀ [N, K] + bias [N] + residual [..., N], the last two may be undefined; dtype of x. Carries no
// gradients.
Tensor product(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual);

// The same, added to what `out` [..., N] holds.
void add_product(const Tensor& out, const Tensor& x, const Tensor& weight);

// dy [..., N] · weight [N, K] → [..., K]: the gradient of x.
Tensor product_backward(const Tensor& dy, const Tensor& weight);
void add_product_backward(const Tensor& dx, const Tensor& dy, const Tensor& weight);

// Whether products of tensors like x [..., K] are better done with widened weights: half precision on such a CPU, and
// enough rows to pay for it. Decided by the kind of CPU, not by a clock, so that a machine gives the same numbers
// every time.
bool prefers_wide_product(const Tensor& x);

// What they then do: everything is added in fp32 and rounded once. `residual` and `added` may be what is written to.
void wide_product(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual);
void wide_product_backward(const Tensor& dx, const Tensor& dy, const Tensor& weight, const Tensor& added);

}  // namespace shorten::kernels
