// SPDX-License-Identifier: Apache-2.0
// The element-wise steps of a forward pass.
// In an unnamed namespace, and with builtins for what the C++ library would give: a copy for each instruction set
// (kernels/cpu/simd.h).
#pragma once

#include <cstring>

#include "kernels/cpu/row_kernels.h"
#include "kernels/cpu/vector_math.h"

namespace shorten::kernels::cpu {
namespace {

template <typename T>
void rms_norm_rows(const T* x, const T* weight, T* out, int64_t rows, int64_t n, float eps) {
  for (int64_t r = 0; r < rows; ++r, x += n, out += n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += load(x[i]) * load(x[i]);
    const float scale = 1.0f / __builtin_sqrtf(sum / static_cast<float>(n) + eps);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) store(out[i], load(x[i]) * scale * load(weight[i]));
  }
}

template <typename T>
void rope_rows(const T* x, T* out, const float* cos, const float* sin, float turn, int64_t first, int64_t rows,
               int64_t length, int64_t heads, int64_t rotated, int64_t half) {
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
    if (x == out) continue;
    const int64_t past = rotated * 2 * half;
    std::memcpy(out + past, x + past, static_cast<size_t>(heads * 2 * half - past) * sizeof(T));
  }
}

template <typename T>
void swiglu_rows(const T* x, T* out, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += 2 * n, out += n) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float gate = load(x[i]);
      store(out[i], gate / (1.0f + exp(-gate)) * load(x[n + i]));
    }
  }
}

template <typename T>
void log_sum_exp_rows(const T* logits, float* out, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, logits += n) {
    float largest = -__builtin_inff();
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; ++i) largest = load(logits[i]) > largest ? load(logits[i]) : largest;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; ++i) sum += exp(load(logits[i]) - largest);
    out[r] = __builtin_logf(sum) + largest;
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
