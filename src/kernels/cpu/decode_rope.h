// SPDX-License-Identifier: Apache-2.0
// The heads of new tokens: q and k normalised where the model does that, and rotated; k and v appended to their
// caches. Included once for each instruction set.
#pragma once

#include "kernels/cpu/simd.h"

namespace shorten::kernels::cpu {
namespace {

template <bool Norm, typename T>
SHORTEN_INLINE void turn(const T* x, const T* norm, float eps, const float* cos, const float* sin, T* out,
                         int64_t half) {
  float scale = 1;
  if constexpr (Norm) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < 2 * half; ++i) sum += load(x[i]) * load(x[i]);
    scale = 1.0f / __builtin_sqrtf(sum / static_cast<float>(2 * half) + eps);
  }
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    float u = load(x[i]), v = load(x[half + i]);
    if constexpr (Norm) {
      u *= scale * load(norm[i]);
      v *= scale * load(norm[half + i]);
    }
    store(out[i], u * cos[i] - v * sin[i]);
    store(out[half + i], v * cos[i] + u * sin[i]);
  }
}

template <typename T>
void rope(const RopeTask<T>& task, int64_t begin, int64_t end) {
  const int64_t hd = task.hd, half = hd / 2, all = task.heads + 2 * task.kv;
  for (int64_t item = begin; item < end; ++item) {
    const int64_t row = item / all, head = item % all, position = task.position[row];
    const T* const x = task.qkv + item * hd;
    // Where head h of the row's keys or values goes.
    const auto cell = [&](T* cache, int64_t h) {
      return cache + ((row * task.kv + h) * task.capacity + position) * hd;
    };
    if (head >= task.heads + task.kv) {
      std::memcpy(cell(task.values, head - task.heads - task.kv), x, static_cast<size_t>(hd) * sizeof(T));
      continue;
    }
    const bool is_query = head < task.heads;
    T* const out = is_query ? task.q + (row * task.heads + head) * hd : cell(task.keys, head - task.heads);
    const T* const norm = is_query ? task.q_norm : task.k_norm;
    const float *const cos = task.cos + position * half, *const sin = task.sin + position * half;
    if (norm != nullptr) {
      turn<true>(x, norm, task.eps, cos, sin, out, half);
    } else {
      turn<false>(x, norm, task.eps, cos, sin, out, half);
    }
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
