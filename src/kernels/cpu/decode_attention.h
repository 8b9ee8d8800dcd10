// SPDX-License-Identifier: Apache-2.0
// One query a row over its cache of keys and values. The cache is cut into pieces of a fixed size, which threads
// share; what the pieces leave is merged in their order. Included once for each instruction set.
#pragma once

#include "kernels/cpu/decode_products.h"

namespace shorten::kernels::cpu {
namespace {

// Turns scores [n] into weights relative to the largest, e^((score - largest) · scale).
struct Softmax {
  float largest, sum;
};
SHORTEN_INLINE Softmax soften(float* scores, int64_t n, float scale) {
  float largest = -__builtin_inff(), sum = 0;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < n; ++i) largest = scores[i] > largest ? scores[i] : largest;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += scores[i] = exp((scores[i] - largest) * scale);
  return {largest * scale, sum};
}

// Σ weights[m][t] · values[t] for M heads, elements d to d + kStep of them.
template <int M, typename T>
void mix(const float (*weights)[kPiece], const T* values, int64_t n, int64_t hd, int64_t d, float* out,
         int64_t out_stride) {
  Pair sums[M] = {};
  const auto add = [&](int64_t t, const Pair& v) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
      sums[m].a = v.a * weights[m][t] + sums[m].a;
      sums[m].b = v.b * weights[m][t] + sums[m].b;
    }
  };
  if (d + kStep <= hd) {
    for (int64_t t = 0; t < n; ++t) add(t, load_pair(values + t * hd + d));
  } else {
    for (int64_t t = 0; t < n; ++t) add(t, load_part(values + t * hd + d, hd - d));
  }
  for (int m = 0; m < M; ++m) {
    write(out + m * out_stride + d, sums[m].a);
    write(out + m * out_stride + d + kLanes, sums[m].b);
  }
}

constexpr int kMixHeads = 4;

template <typename T>
void attend(const AttentionTask<T>& task, int64_t begin, int64_t end) {
  const int64_t hd = task.hd, q_stride = prepared_row(hd), group = task.heads / task.kv;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(hd));
  float scores[kMostRows][kPiece];
  for (int64_t item = begin; item < end; ++item) {
    const int64_t cache = item / task.pieces, row = cache / task.kv;  // cache: of a row and key head
    const int64_t first = task.first(row) + item % task.pieces * kPiece, left = task.position[row] + 1 - first;
    if (left <= 0) continue;
    const int64_t n = left < kPiece ? left : kPiece;
    const T* const keys = task.keys + (cache * task.capacity + first) * hd;
    const T* const values = task.values + (cache * task.capacity + first) * hd;
    for (int64_t g = 0; g < group; g += kMostRows) {
      const int64_t heads = group - g < kMostRows ? group - g : kMostRows;
      float* const part = task.parts + (item * group + g) * task.part_size();
      for (int64_t t = 0; t < n; t += kOutputBlock) {
        const int64_t block = n - t < kOutputBlock ? n - t : kOutputBlock;
        // While scores are computed there is time to fetch the values.
        const char* const next = reinterpret_cast<const char*>(values + t * hd);
        for (int64_t byte = 0; byte < block * hd * static_cast<int64_t>(sizeof(T)); byte += kLine) {
          __builtin_prefetch(next + byte, 0, 2);
        }
        products(keys + t * hd, block, hd, task.q + (cache * group + g) * q_stride, heads, scores[0] + t, kPiece);
      }
      for (int64_t h = 0; h < heads; ++h) {
        const Softmax s = soften(scores[h], n, scale);
        part[h * task.part_size() + q_stride] = s.largest;
        part[h * task.part_size() + q_stride + 1] = s.sum;
      }
      for (int64_t d = 0; d < hd; d += kStep) {
        int64_t h = 0;
        for (; h + kMixHeads <= heads; h += kMixHeads) {
          mix<kMixHeads>(scores + h, values, n, hd, d, part + h * task.part_size(), task.part_size());
        }
        for (; h < heads; ++h) mix<1>(scores + h, values, n, hd, d, part + h * task.part_size(), task.part_size());
      }
    }
  }
}

template <typename T>
void merge(const AttentionTask<T>& task, int64_t begin, int64_t end) {
  const int64_t hd = task.hd, size = task.part_size(), group = task.heads / task.kv;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t pieces = task.pieces_of(head / task.heads), cache = head / group;
    const auto part = [&](int64_t piece) {
      return task.parts + ((cache * task.pieces + piece) * group + head % group) * size;
    };
    float largest = -__builtin_inff(), sum = 0;
    for (int64_t p = 0; p < pieces; ++p) {
      const float there = part(p)[size - 2];
      largest = there > largest ? there : largest;
    }
    for (int64_t p = 0; p < pieces; ++p) {
      part(p)[size - 2] = exp(part(p)[size - 2] - largest);
      sum += part(p)[size - 2] * part(p)[size - 1];
    }
    for (int64_t d = 0; d < hd; d += kStep) {
      Pair mixed = {};
      for (int64_t p = 0; p < pieces; ++p) {
        const Pair there = load_pair(part(p) + d);
        const float share = part(p)[size - 2] / sum;
        mixed.a += there.a * share;
        mixed.b += there.b * share;
      }
      store_pair(task.out + head * hd + d, mixed, hd - d < kStep ? hd - d : kStep);
    }
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
