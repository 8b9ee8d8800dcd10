// SPDX-License-Identifier: Apache-2.0
// The element-wise steps of a backward pass.
// In an unnamed namespace, and with builtins for what the C++ library would give: a copy for each instruction set
// (kernels/cpu/simd.h).
#pragma once

#include "kernels/cpu/row_kernels.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/dropout_hash.h"

namespace shorten::kernels::cpu {
namespace {

// y = s x w with s = 1 / sqrt(mean(x²) + eps), so dx = s w dy - x s³ / n · sum(w dy x).
template <typename T>
void rms_norm_backward_rows(const T* dy, const T* x, const T* weight, const T* added, T* dx, T* y, int64_t rows,
                            int64_t n, float eps) {
  for (int64_t r = 0; r < rows; ++r, dy += n, x += n, dx += n) {
    float squares = 0, along = 0;
#pragma omp simd reduction(+ : squares, along)
    for (int64_t i = 0; i < n; ++i) {
      squares += load(x[i]) * load(x[i]);
      along += load(dy[i]) * load(weight[i]) * load(x[i]);
    }
    const float scale = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + eps);
    const float back = along * scale * scale * scale / static_cast<float>(n);
    if (added == nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) store(dx[i], load(dy[i]) * load(weight[i]) * scale - load(x[i]) * back);
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i)
        store(dx[i], load(dy[i]) * load(weight[i]) * scale - load(x[i]) * back + load(added[i]));
      added += n;
    }
    if (y == nullptr) continue;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) store(y[i], load(x[i]) * scale * load(weight[i]));
    y += n;
  }
}

// y = g σ(g) u: dg = dy u σ (1 + g (1 - σ)), du = dy g σ.
template <bool kWithY, typename T>
SHORTEN_INLINE void swiglu_backward(const T* dy, const T* x, T* dx, T* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, dy += n, x += 2 * n, dx += 2 * n, y += kWithY ? n : 0) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float gate = load(x[i]), up = load(x[n + i]), d = load(dy[i]), below = 1.0f + exp(-gate);
      const float sigmoid = 1.0f / below;
      if constexpr (kWithY) store(y[i], gate / below * up);
      store(dx[i], d * up * sigmoid * (1.0f + gate * (1.0f - sigmoid)));
      store(dx[n + i], d * gate * sigmoid);
    }
  }
}
template <typename T>
void swiglu_backward_rows(const T* dy, const T* x, T* dx, T* y, int64_t rows, int64_t n) {
  y == nullptr ? swiglu_backward<false>(dy, x, dx, y, rows, n) : swiglu_backward<true>(dy, x, dx, y, rows, n);
}

template <typename T>
void dropout_rows(const T* x, const int64_t* places, T* out, int64_t rows, int64_t n, uint32_t threshold, float scale,
                  uint64_t seed) {
  for (int64_t r = 0; r < rows; ++r, x += n, out += n) {
    const uint64_t own = row_seed(seed, places[r]);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      store(out[i], roll(static_cast<uint32_t>(i), own) >= threshold ? load(x[i]) * scale : 0.0f);
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
