// SPDX-License-Identifier: Apache-2.0
// The operators of a decoding step on an NVIDIA device, on plain pointers and a stream. What they compute is in
// kernels/decode.h. Each may begin before the kernel launched ahead of it has ended (decode_device.cuh), so that
// a graph of them keeps the memory busy throughout.
// REQUIRES: no kernel of this file wrote weights, norms, cos, sin or positions.
#pragma once

#include "kernels/cuda/rows.h"

namespace shorten::kernels::cuda {

// out = residual + scale · (x ∘ norm) · weightᵀ + bias, scale = 1 / sqrt(mean(x²) + eps) a row; without norm both
// are 1. With `swiglu` the weight is gate | up, [2 n, k], and out = silu(gate) · up.
// REQUIRES: 1 <= rows <= 16, k % 8 == 0, everything at multiples of 16 bytes, dtype bf16 or fp16.
struct Product {
  const void* x;         // [rows, k]
  const void* norm;      // [k] or null
  const void* weight;    // [n, k]
  const void* bias;      // [n] or null
  const void* residual;  // [rows, n] or null
  void* out;             // [rows, n]
  int rows, n, k;
  float eps;
  bool swiglu;
};
cudaError_t product(DType dtype, const Product& p, cudaStream_t stream);

// REQUIRES: head_size even, at most 256.
struct RopeAppend {
  const void* qkv;              // [rows, heads + 2 kv_heads, head_size]
  const void *q_norm, *k_norm;  // [head_size] or null
  const float *cos, *sin;       // [.., head_size / 2]
  const int64_t* position;      // [rows]
  void *q, *keys, *values;      // caches [rows, kv_heads, capacity, head_size]
  int64_t rows, heads, kv_heads, head_size, capacity;
  float eps;
};
cudaError_t rope_append(DType dtype, const RopeAppend& a, cudaStream_t stream);

// REQUIRES: head_size a multiple of 8, at most 256.
struct Attention {
  const void *q, *keys, *values;
  const int64_t* position;
  void* out;       // [rows, heads, head_size]
  float* partial;  // attention_scratch(a) floats
  int64_t rows, heads, kv_heads, head_size, capacity, window;
};
int64_t attention_scratch(const Attention& a);
cudaError_t cached_attention(DType dtype, const Attention& a, cudaStream_t stream);

}  // namespace shorten::kernels::cuda
