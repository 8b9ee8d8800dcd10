// SPDX-License-Identifier: Apache-2.0
// Kernels on whole rows of elements: one call handles a range of rows. kernels/cpu/rows.h has those of the forward
// pass, kernels/cpu/train_rows.h those of the backward pass.
#pragma once

#include <cstdint>

namespace shorten::kernels::cpu {

template <typename T>
struct RowKernels {
  // x, out [rows, n]; weight [n].
  void (*rms_norm_rows)(const T* x, const T* weight, T* out, int64_t rows, int64_t n, float eps);
  // x, out [rows, heads, 2 half], which may be the same; row r at position (first + r) mod length; cos, sin [length,
  // half]; turn -1 turns back.
  void (*rope_rows)(const T* x, T* out, const float* cos, const float* sin, float turn, int64_t first, int64_t rows,
                    int64_t length, int64_t heads, int64_t rotated, int64_t half);
  // x [rows, 2 n] → out [rows, n].
  void (*swiglu_rows)(const T* x, T* out, int64_t rows, int64_t n);
  // logits [rows, n] → out [rows].
  void (*log_sum_exp_rows)(const T* logits, float* out, int64_t rows, int64_t n);

  // dy, x, dx [rows, n]; weight [n]. added and y are like x, or null: a part of dx; the norm itself.
  void (*rms_norm_backward_rows)(const T* dy, const T* x, const T* weight, const T* added, T* dx, T* y, int64_t rows,
                                 int64_t n, float eps);
  // dy [rows, n]; x, dx [rows, 2 n]. y, as dy, or null: the product itself.
  void (*swiglu_backward_rows)(const T* dy, const T* x, T* dx, T* y, int64_t rows, int64_t n);
  // x, out [rows, n]; places [rows].
  void (*dropout_rows)(const T* x, const int64_t* places, T* out, int64_t rows, int64_t n, uint32_t threshold,
                       float scale, uint64_t seed);
};

}  // namespace shorten::kernels::cpu
