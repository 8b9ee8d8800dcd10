// SPDX-License-Identifier: Apache-2.0
// Attention over whole rows, and its gradient, on plain pointers (kernels/attention.h says what they compute).
// Everything is computed in fp32. A call handles a range of a task, so that threads can share it; how it is cut does
// not change a bit of the result.
#pragma once

#include "kernels/cpu/decode_kernels.h"

namespace shorten::kernels::cpu {

inline constexpr int64_t kQueries = 32;  // whose scores are in memory at a time; a multiple of kRowUnit

template <typename T>
struct AttentionRows {
  const T* qkv;         // [N, T, H + 2 K, hd]
  const T* mask;        // [T, T], or null
  int64_t mask_stride;  // from the mask of one row to that of the next: 0 where they share one
  T* out;               // [N, T, H, hd]
  float* log_sums;      // [N, H, T]: log Σ e^score
  int64_t length, heads, kv, hd;

  int64_t width() const { return prepared_row(hd); }
  int64_t padded() const { return prepared_row(length); }
  int64_t scratch() const { return 2 * padded() * width() + kQueries * (2 * width() + padded()); }  // floats
};

template <typename T>
struct AttentionGradient {
  AttentionRows<T> rows;  // as they were, with what came out
  const T* dy;            // [N, T, H, hd]
  T* dqkv;                // [N, T, H + 2 K, hd]

  int64_t scratch() const {
    return 5 * rows.padded() * rows.width() + kQueries * (3 * rows.width() + 2 * rows.padded());
  }
};

template <typename T>
struct AttentionKernels {
  void (*attend_rows)(const AttentionRows<T>& task, float* scratch, int64_t begin, int64_t end);  // of N · H
  void (*attend_rows_backward)(const AttentionGradient<T>& task, float* scratch, int64_t begin,
                               int64_t end);  // of N · K
};

}  // namespace shorten::kernels::cpu
