// SPDX-License-Identifier: Apache-2.0
// The kernels of a decoding step on plain pointers (kernels/decode.h says what they compute). A call handles a range of
// a task, so that threads can share it; how a task is cut does not change a bit of its result.
#pragma once

#include <cstdint>

#include "kernels/cpu/vector_math.h"

namespace shorten::kernels::cpu {

// Rows of x as the products want them: fp32, in the order in which weights leave their registers, each row
// filled up with zeros to a multiple of this.
inline constexpr int64_t kRowUnit = 32;
constexpr int64_t prepared_row(int64_t n) { return (n + kRowUnit - 1) / kRowUnit * kRowUnit; }

// Outputs are computed in blocks: ranges begin and end at multiples of it, or at the end.
inline constexpr int64_t kOutputBlock = 24;  // a multiple of what the kernels compute at once
inline constexpr int64_t kMostRows = 16;

// out [rows, n] = x · weightᵀ + bias + residual; for the gated kernel weight is [2 n, k] and bias [2 n].
template <typename T>
struct ProductTask {
  const float* x;  // [rows, prepared_row(k)]
  const T* weight;
  const T* bias;      // or null
  const T* residual;  // [rows, n], or null
  T* out;
  int64_t rows, n, k;  // REQUIRES: rows <= kMostRows
};

// qkv [rows, heads + 2 kv, hd] → q [rows, heads, hd] and a row of each cache [rows, kv, capacity, hd].
template <typename T>
struct RopeTask {
  const T *qkv, *q_norm, *k_norm;  // norms may be null
  const float *cos, *sin;          // [.., hd / 2]
  const int64_t* position;         // [rows]
  T *q, *keys, *values;
  int64_t heads, kv, capacity, hd;
  float eps;
};

// A row's cache is read in pieces of so many positions, counted from the first that it sees.
inline constexpr int64_t kPiece = 10 * kOutputBlock;

template <typename T>
struct AttentionTask {
  const float* q;           // [rows, heads, prepared_row(hd)]
  const T *keys, *values;   // [rows, kv, capacity, hd]
  const int64_t* position;  // [rows]
  float* parts;             // [rows, kv, pieces, heads / kv, part_size()]
  T* out;                   // [rows, heads, hd]
  int64_t heads, kv, capacity, hd, window, pieces;

  int64_t first(int64_t row) const { return window > 0 && position[row] >= window ? position[row] - window + 1 : 0; }
  int64_t pieces_of(int64_t row) const { return (position[row] - first(row)) / kPiece + 1; }
  // What a piece leaves of a head: the mix of its values, its largest score and the sum of its weights.
  int64_t part_size() const { return prepared_row(hd) + 2; }
};

template <typename T>
struct DecodeKernels {
  // x [rows, n] → out [rows, prepared_row(n)]; normalised where norm [n] is not null.
  void (*prepare)(const T* x, const T* norm, float eps, float* out, int64_t rows, int64_t n);
  void (*linear)(const ProductTask<T>& task, int64_t begin, int64_t end);    // a range of outputs
  void (*swiglu)(const ProductTask<T>& task, int64_t begin, int64_t end);    // likewise
  void (*rope)(const RopeTask<T>& task, int64_t begin, int64_t end);         // of rows · (heads + 2 kv)
  void (*attend)(const AttentionTask<T>& task, int64_t begin, int64_t end);  // of rows · kv · pieces
  void (*merge)(const AttentionTask<T>& task, int64_t begin, int64_t end);   // of rows · heads
};

}  // namespace shorten::kernels::cpu
