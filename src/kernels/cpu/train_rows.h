// SPDX-License-Identifier: Apache-2.0
// The kernels of the backward pass on plain pointers: one call handles a range of rows.
#pragma once

#include <cstdint>

#include "kernels/cpu/vector_math.h"

namespace shorten::kernels::cpu {

// dy, x, dx [rows, n]; weight [n]. added and y are like x, or null: a part of dx; the norm itself.
void rms_norm_backward_rows(const float* dy, const float* x, const float* weight, const float* added, float* dx,
                            float* y, int64_t rows, int64_t n, float eps);
void rms_norm_backward_rows(const Bf16* dy, const Bf16* x, const Bf16* weight, const Bf16* added, Bf16* dx, Bf16* y,
                            int64_t rows, int64_t n, float eps);
void rms_norm_backward_rows(const Half* dy, const Half* x, const Half* weight, const Half* added, Half* dx, Half* y,
                            int64_t rows, int64_t n, float eps);

// dy [rows, n]; x, dx [rows, 2 n]. y, as dy, or null: the product itself.
void swiglu_backward_rows(const float* dy, const float* x, float* dx, float* y, int64_t rows, int64_t n);
void swiglu_backward_rows(const Bf16* dy, const Bf16* x, Bf16* dx, Bf16* y, int64_t rows, int64_t n);
void swiglu_backward_rows(const Half* dy, const Half* x, Half* dx, Half* y, int64_t rows, int64_t n);

// x, out [rows, n]; places [rows].
void dropout_rows(const float* x, const int64_t* places, float* out, int64_t rows, int64_t n, uint32_t threshold,
                  float scale, uint64_t seed);
void dropout_rows(const Bf16* x, const int64_t* places, Bf16* out, int64_t rows, int64_t n, uint32_t threshold,
                  float scale, uint64_t seed);
void dropout_rows(const Half* x, const int64_t* places, Half* out, int64_t rows, int64_t n, uint32_t threshold,
                  float scale, uint64_t seed);

}  // namespace shorten::kernels::cpu
