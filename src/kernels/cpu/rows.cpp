// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/rows.h"

#include <algorithm>
#include <cmath>

namespace shorten::kernels::cpu {
namespace {

template <typename T>
SHORTEN_INLINE void rms_norm(const T* x, const T* weight, T* out, int64_t rows, int64_t n, float eps) {
  for (int64_t r = 0; r < rows; ++r, x += n, out += n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += load(x[i]) * load(x[i]);
    const float scale = 1.0f / std::sqrt(sum / static_cast<float>(n) + eps);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) store(out[i], load(x[i]) * scale * load(weight[i]));
  }
}

template <typename T>
SHORTEN_INLINE void rope(const T* x, T* out, const float* cos, const float* sin, float turn, int64_t first,
                         int64_t rows, int64_t length, int64_t heads, int64_t rotated, int64_t half) {
  for (int64_t r = 0; r < rows; ++r, x += heads * 2 * half, out += heads * 2 * half) {
    const int64_t position = (first + r) % length;
    const float* const c = cos + position * half;
    const float* const s = sin + position * half;
    for (int64_t h = 0; h < rotated; ++h) {
      const T* const from = x + h * 2 * half;
      T* const to = out + h * 2 * half;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float u = load(from[i]), v = load(from[half + i]), sine = turn * s[i];
        store(to[i], u * c[i] - v * sine);
        store(to[half + i], v * c[i] + u * sine);
      }
    }
    if (x != out) std::copy(x + rotated * 2 * half, x + heads * 2 * half, out + rotated * 2 * half);
  }
}

template <typename T>
SHORTEN_INLINE void swiglu(const T* x, T* out, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += 2 * n, out += n) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float gate = load(x[i]);
      store(out[i], gate / (1.0f + exp(-gate)) * load(x[n + i]));
    }
  }
}

template <typename T>
SHORTEN_INLINE void log_sum_exp(const T* logits, float* out, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, logits += n) {
    float largest = -__builtin_inff();
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; ++i) largest = load(logits[i]) > largest ? load(logits[i]) : largest;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += exp(load(logits[i]) - largest);
    out[r] = std::log(sum) + largest;
  }
}

}  // namespace

SHORTEN_CLONES void rms_norm_rows(const float* x, const float* weight, float* out, int64_t rows, int64_t n, float eps) {
  rms_norm(x, weight, out, rows, n, eps);
}
SHORTEN_CLONES void rms_norm_rows(const Bf16* x, const Bf16* weight, Bf16* out, int64_t rows, int64_t n, float eps) {
  rms_norm(x, weight, out, rows, n, eps);
}
SHORTEN_CLONES void rms_norm_rows(const Half* x, const Half* weight, Half* out, int64_t rows, int64_t n, float eps) {
  rms_norm(x, weight, out, rows, n, eps);
}
SHORTEN_CLONES void rope_rows(const float* x, float* out, const float* cos, const float* sin, float turn, int64_t first,
                              int64_t rows, int64_t length, int64_t heads, int64_t rotated, int64_t half) {
  rope(x, out, cos, sin, turn, first, rows, length, heads, rotated, half);
}
SHORTEN_CLONES void rope_rows(const Bf16* x, Bf16* out, const float* cos, const float* sin, float turn, int64_t first,
                              int64_t rows, int64_t length, int64_t heads, int64_t rotated, int64_t half) {
  rope(x, out, cos, sin, turn, first, rows, length, heads, rotated, half);
}
SHORTEN_CLONES void rope_rows(const Half* x, Half* out, const float* cos, const float* sin, float turn, int64_t first,
                              int64_t rows, int64_t length, int64_t heads, int64_t rotated, int64_t half) {
  rope(x, out, cos, sin, turn, first, rows, length, heads, rotated, half);
}
SHORTEN_CLONES void swiglu_rows(const float* x, float* out, int64_t rows, int64_t n) { swiglu(x, out, rows, n); }
SHORTEN_CLONES void swiglu_rows(const Bf16* x, Bf16* out, int64_t rows, int64_t n) { swiglu(x, out, rows, n); }
SHORTEN_CLONES void swiglu_rows(const Half* x, Half* out, int64_t rows, int64_t n) { swiglu(x, out, rows, n); }
SHORTEN_CLONES void log_sum_exp_rows(const float* logits, float* out, int64_t rows, int64_t n) {
  log_sum_exp(logits, out, rows, n);
}
SHORTEN_CLONES void log_sum_exp_rows(const Bf16* logits, float* out, int64_t rows, int64_t n) {
  log_sum_exp(logits, out, rows, n);
}
SHORTEN_CLONES void log_sum_exp_rows(const Half* logits, float* out, int64_t rows, int64_t n) {
  log_sum_exp(logits, out, rows, n);
}

}  // namespace shorten::kernels::cpu
