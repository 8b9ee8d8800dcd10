// SPDX-License-Identifier: Apache-2.0
// Attention over whole rows. Keys and values of a head are copied to fp32, padded, once; then kQueries tokens at a time
// are scored against all keys that any of them sees, softened, and mixed: plain softmax, because the scores of so few
// tokens fit into the cache whatever the length. The backward pass computes the weights again from their log-sums.
// Included once for each instruction set.
#pragma once

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/small_product.h"

namespace shorten::kernels::cpu {
namespace {

constexpr int64_t rounded(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// x [length, hd], rows `stride` apart, times scale → to [.., width], zeros in what pads it up to `rows` rows.
template <typename T>
void gather(const T* x, int64_t stride, int64_t length, int64_t hd, float scale, float* to, int64_t rows,
            int64_t width) {
  for (int64_t t = 0; t < length; ++t, x += stride, to += width) {
#pragma omp simd
    for (int64_t d = 0; d < hd; ++d) to[d] = load(x[d]) * scale;
    for (int64_t d = hd; d < width; ++d) to[d] = 0;
  }
  for (int64_t i = 0; i < (rows - length) * width; ++i) to[i] = 0;
}

// [rows, columns] → [columns, row_stride], a square of it at a time.
void transpose(const float* x, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t kSquare = 16;
  for (int64_t r = 0; r < rows; r += kSquare) {
    for (int64_t c = 0; c < columns; ++c) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < kSquare; ++i) to[c * rows + r + i] = x[(r + i) * columns + c];
    }
  }
}

// The first `length` rows and hd columns of x [.., width], times scale.
template <typename T>
void scatter(const float* x, int64_t width, int64_t length, int64_t hd, float scale, T* to, int64_t stride) {
  for (int64_t t = 0; t < length; ++t, x += width, to += stride) {
#pragma omp simd
    for (int64_t d = 0; d < hd; ++d) store(to[d], x[d] * scale);
  }
}

// Queries i to i + count of a row, and the keys that any of them sees: `first` to `end`, in whole units.
template <typename T>
struct Tile {
  const AttentionRows<T>& task;
  int64_t i, count, first, end;
  const T* mask;  // of query i, or null

  Tile(const AttentionRows<T>& rows, int64_t row, int64_t query) : task(rows), i(query) {
    count = task.length - i < kQueries ? task.length - i : kQueries;
    end = i + kQueries;
    mask = task.mask ? task.mask + row * task.mask_stride + i * task.length : nullptr;
    first = 0;
    if (!mask) return;
    first = i;
    for (int64_t r = 0; r < count; ++r) {
      int64_t j = 0;
      while (j < first && load(mask[r * task.length + j]) == -__builtin_inff()) ++j;
      first = j;
    }
    first = first / kRowUnit * kRowUnit;
  }
  int64_t rows() const { return rounded(count, kProductUnit); }
  int64_t seen(int64_t r) const { return i + r + 1; }  // keys behind it are later tokens

  // Adds the mask to scores [first, seen) of query i + r.
  SHORTEN_INLINE void add_mask(int64_t r, float* scores) const {
    if (!mask) return;
    const T* const added = mask + r * task.length;
#pragma omp simd
    for (int64_t j = first; j < seen(r); ++j) scores[j] += load(added[j]);
  }
};

// Scores of a query to weights that sum up to 1. Returns their log-sum.
SHORTEN_INLINE float soften_row(float* scores, int64_t first, int64_t seen, int64_t end) {
  float largest = -__builtin_inff(), sum = 0;
#pragma omp simd reduction(max : largest)
  for (int64_t j = first; j < seen; ++j) largest = scores[j] > largest ? scores[j] : largest;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = first; j < seen; ++j) sum += scores[j] = exp(scores[j] - largest);
  const float share = 1.0f / sum;
#pragma omp simd
  for (int64_t j = first; j < seen; ++j) scores[j] *= share;
  for (int64_t j = seen; j < end; ++j) scores[j] = 0;
  return largest + __builtin_logf(sum);
}

template <typename T>
void attend_rows(const AttentionRows<T>& task, float* scratch, int64_t begin, int64_t end) {
  const int64_t t = task.length, hd = task.hd, width = task.width(), padded = task.padded();
  const int64_t stride = (task.heads + 2 * task.kv) * hd, group = task.heads / task.kv;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(hd));
  float* const keys = scratch;                      // [width, padded]
  float* const values = keys + padded * width;      // [padded, width]
  float* const q = values + padded * width;         // [kQueries, width]
  float* const mixed = q + kQueries * width;        // [kQueries, width]
  float* const weights = mixed + kQueries * width;  // [kQueries, padded]
  int64_t held = -1;                                // whose keys and values are there
  for (int64_t item = begin; item < end; ++item) {
    const int64_t row = item / task.heads, head = item % task.heads, cache = row * task.kv + head / group;
    const T* const qkv = task.qkv + row * t * stride;
    if (cache != held) {
      const T* const k = qkv + (task.heads + head / group) * hd;
      gather(k, stride, t, hd, 1.0f, values, padded, width);
      transpose(values, padded, width, keys);
      gather(k + task.kv * hd, stride, t, hd, 1.0f, values, padded, width);
      held = cache;
    }
    for (int64_t i = 0; i < t; i += kQueries) {
      const Tile<T> tile(task, row, i);
      const int64_t rows = tile.rows(), first = tile.first, count = tile.end - first;
      gather(qkv + i * stride + head * hd, stride, tile.count, hd, scale, q, rows, width);
      small_product({q, width, 1, keys + first, padded, weights + first, padded, rows, count, hd, false});
      for (int64_t r = 0; r < tile.count; ++r) {
        float* const scores = weights + r * padded;
        tile.add_mask(r, scores);
        task.log_sums[item * t + i + r] = soften_row(scores, first, tile.seen(r), tile.end);
      }
      small_product(
          {weights + first, padded, 1, values + first * width, width, mixed, width, rows, width, count, false});
      scatter(mixed, width, tile.count, hd, 1.0f, task.out + ((row * t + i) * task.heads + head) * hd, task.heads * hd);
    }
  }
}

// With weights P = softmax(S): dV = Pᵀ dY, dP = dY Vᵀ, dS = P (dP - Σ dY Y), dQ = dS K, dK = dSᵀ Q.
template <typename T>
void attend_rows_backward(const AttentionGradient<T>& gradient, float* scratch, int64_t begin, int64_t end) {
  const AttentionRows<T>& task = gradient.rows;
  const int64_t t = task.length, hd = task.hd, width = task.width(), padded = task.padded(), whole = padded * width;
  const int64_t stride = (task.heads + 2 * task.kv) * hd, y_stride = task.heads * hd, group = task.heads / task.kv;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(hd));
  float* const keys = scratch;                       // [padded, width]
  float* const keys_across = keys + whole;           // [width, padded]
  float* const values_across = keys_across + whole;  // [width, padded]
  float* const dk = values_across + whole;           // [padded, width]
  float* const dv = dk + whole;                      // [padded, width]
  float* const q = dv + whole;                       // [kQueries, width]
  float* const dy = q + kQueries * width;            // [kQueries, width]
  float* const dq = dy + kQueries * width;           // [kQueries, width]
  float* const weights = dq + kQueries * width;      // [kQueries, padded]
  float* const ds = weights + kQueries * padded;     // [kQueries, padded]
  for (int64_t cache = begin; cache < end; ++cache) {
    const int64_t row = cache / task.kv, kv = cache % task.kv;
    const T* const qkv = task.qkv + row * t * stride;
    const int64_t k_offset = (task.heads + kv) * hd, v_offset = k_offset + task.kv * hd;
    gather(qkv + v_offset, stride, t, hd, 1.0f, keys, padded, width);
    transpose(keys, padded, width, values_across);
    gather(qkv + k_offset, stride, t, hd, 1.0f, keys, padded, width);
    transpose(keys, padded, width, keys_across);
    for (int64_t i = 0; i < 2 * whole; ++i) dk[i] = 0;  // and dv
    for (int64_t head = kv * group; head < (kv + 1) * group; ++head) {
      for (int64_t i = 0; i < t; i += kQueries) {
        const Tile<T> tile(task, row, i);
        const int64_t rows = tile.rows(), first = tile.first, count = tile.end - first;
        const int64_t y_offset = ((row * t + i) * task.heads + head) * hd;
        gather(qkv + i * stride + head * hd, stride, tile.count, hd, scale, q, rows, width);
        gather(gradient.dy + y_offset, y_stride, tile.count, hd, 1.0f, dy, rows, width);
        small_product({q, width, 1, keys_across + first, padded, weights + first, padded, rows, count, hd, false});
        small_product({dy, width, 1, values_across + first, padded, ds + first, padded, rows, count, hd, false});
        for (int64_t r = 0; r < tile.count; ++r) {
          float *const w = weights + r * padded, *const d = ds + r * padded;
          const T* const y = task.out + y_offset + r * y_stride;
          float along = 0;
#pragma omp simd reduction(+ : along)
          for (int64_t j = 0; j < hd; ++j) along += dy[r * width + j] * load(y[j]);
          tile.add_mask(r, w);
          const float log_sum = task.log_sums[(row * task.heads + head) * t + i + r];
#pragma omp simd
          for (int64_t j = first; j < tile.seen(r); ++j) {
            w[j] = exp(w[j] - log_sum);
            d[j] = w[j] * (d[j] - along);
          }
          for (int64_t j = tile.seen(r); j < tile.end; ++j) w[j] = d[j] = 0;
        }
        small_product({ds + first, padded, 1, keys + first * width, width, dq, width, rows, width, count, false});
        scatter(dq, width, tile.count, hd, scale, gradient.dqkv + (row * t + i) * stride + head * hd, stride);
        small_product(
            {weights + first, 1, padded, dy, width, dv + first * width, width, count, width, tile.count, true});
        small_product({ds + first, 1, padded, q, width, dk + first * width, width, count, width, tile.count, true});
      }
    }
    T* const dqkv = gradient.dqkv + row * t * stride;
    scatter(dk, width, t, hd, 1.0f, dqkv + k_offset, stride);
    scatter(dv, width, t, hd, 1.0f, dqkv + v_offset, stride);
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
