// SPDX-License-Identifier: Apache-2.0
// The kernels on plain pointers: one call handles a range of rows. Declared apart from ATen, so that
// the file that is compiled for several instruction sets includes none of its templates.
#pragma once

#include <cstdint>

#include "kernels/cpu/vector_math.h"

namespace shorten::kernels::cpu {

// x, out [rows, n]; weight [n].
void rms_norm_rows(const float* x, const float* weight, float* out, int64_t rows, int64_t n, float eps);
void rms_norm_rows(const Bf16* x, const Bf16* weight, Bf16* out, int64_t rows, int64_t n, float eps);
void rms_norm_rows(const Half* x, const Half* weight, Half* out, int64_t rows, int64_t n, float eps);

// x, out [rows, heads, 2 half], which may be the same; row r at position (first + r) mod length; cos, sin [length,
// half]; turn -1 turns back.
void rope_rows(const float* x, float* out, const float* cos, const float* sin, float turn, int64_t first, int64_t rows,
               int64_t length, int64_t heads, int64_t rotated, int64_t half);
void rope_rows(const Bf16* x, Bf16* out, const float* cos, const float* sin, float turn, int64_t first, int64_t rows,
               int64_t length, int64_t heads, int64_t rotated, int64_t half);
void rope_rows(const Half* x, Half* out, const float* cos, const float* sin, float turn, int64_t first, int64_t rows,
               int64_t length, int64_t heads, int64_t rotated, int64_t half);

// x [rows, 2 n] → out [rows, n].
void swiglu_rows(const float* x, float* out, int64_t rows, int64_t n);
void swiglu_rows(const Bf16* x, Bf16* out, int64_t rows, int64_t n);
void swiglu_rows(const Half* x, Half* out, int64_t rows, int64_t n);

// logits [rows, n] → out [rows].
void log_sum_exp_rows(const float* logits, float* out, int64_t rows, int64_t n);
void log_sum_exp_rows(const Bf16* logits, float* out, int64_t rows, int64_t n);
void log_sum_exp_rows(const Half* logits, float* out, int64_t rows, int64_t n);

}  // namespace shorten::kernels::cpu
