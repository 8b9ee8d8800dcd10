// SPDX-License-Identifier: Apache-2.0
// One step of decoding as five operators a block, and one that the pass over the prompts needs. Rows are the sequences
// of a batch, one new token each; every weight is read once for all rows. Like those of kernels/ops.h they are in
// LibTorch's dispatcher, with a plain form that the tests hold the kernels against; none carries gradients. Sums are in
// fp32 whatever the dtype.
//
//   qkv    = norm_linear(x, input_norm, qkv)               [R, (H + 2 K) hd]
//   q      = rope_append(qkv, position, keys, values)      [R, H, hd], and a row in each cache
//   mixed  = cached_attention(q, keys, values, position)   [R, H hd]
//   x      = linear_add(x, mixed, o)                       [R, D]
//   middle = norm_swiglu(x, post_attention_norm, gate_up)  [R, I]
//   x      = linear_add(x, middle, down)                   [R, D]
#pragma once

#include "kernels/torch.h"

namespace shorten::kernels {

// With more rows than this, products are LibTorch's: then it is arithmetic that takes the time, not reading.
inline constexpr int64_t kMostDecodeRows = 16;

// x [R, K], norm [K], weight [N, K], bias [N] or undefined → rms_norm(x, norm, eps) · weightᵀ + bias, [R, N].
Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, const Tensor& bias);

// x [R, D], norm [D], gate_up [2 I, D] = gate | up, bias [2 I] or undefined → silu(gate) · up, [R, I].
Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, const Tensor& bias);

// residual [R, N], x [R, K], weight [N, K], bias [N] or undefined → residual + x · weightᵀ + bias, [R, N].
Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, const Tensor& bias);

// qkv [R, H + 2 K, hd], the projections of the tokens at `position` [R] int64. Normalises the heads of q and k
// where q_norm and k_norm [hd] are defined, rotates them by cos and sin [at least C, hd / 2] fp32 (pairs are
// (i, i + hd / 2)), and writes k and v into row position[r] of keys and values [R, K, C, hd]. → q [R, H, hd].
// REQUIRES 0 <= position[r] < C.
Tensor rope_append(const Tensor& qkv, const Tensor& q_norm, const Tensor& k_norm, double eps, const Tensor& cos,
                   const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values);

// q [R, H, hd]; row r sees the cache from max(0, position[r] - window + 1) to position[r], both included
// (window 0: from 0). Scores are scaled by 1 / sqrt(hd). Query head h reads key head h / (H / K). → [R, H hd].
Tensor cached_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const Tensor& position,
                        int64_t window);

// Of a pass over prompts: projected [N, T, H + 2 K, hd], rotated; its keys and values go into the first T rows of keys
// and values [N, K, C, hd]. REQUIRES T <= C.
void cache_rows(const Tensor& projected, Tensor& keys, Tensor& values);

namespace plain {
void cache_rows(const Tensor& projected, Tensor& keys, Tensor& values);
Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, const Tensor& bias);
Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, const Tensor& bias);
Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, const Tensor& bias);
Tensor rope_append(const Tensor& qkv, const Tensor& q_norm, const Tensor& k_norm, double eps, const Tensor& cos,
                   const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values);
Tensor cached_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const Tensor& position,
                        int64_t window);
}  // namespace plain

}  // namespace shorten::kernels
