// SPDX-License-Identifier: Apache-2.0
// Products of a few rows x with many rows of weights, which are read from memory once: reading them is what
// takes the time. Every sum adds its elements in the same order whatever the number of rows, so a sequence
// decodes to the same bits alone and in a batch. Included once for each instruction set.
#pragma once

#include "kernels/cpu/simd.h"

namespace shorten::kernels::cpu {
namespace {

template <typename T>
void prepare(const T* x, const T* norm, float eps, float* out, int64_t rows, int64_t n) {
  const int64_t whole = n / kStep * kStep, padded = prepared_row(n);
  for (int64_t r = 0; r < rows; ++r, x += n, out += padded) {
    for (int64_t i = 0; i < padded; i += kStep) {
      const Pair p = i < whole ? load_pair(x + i) : i < n ? load_part(x + i, n - i) : Pair{};
      write(out + i, p.a);
      write(out + i + kLanes, p.b);
    }
    if (norm == nullptr) continue;
    Floats squares[2] = {};
    for (int64_t i = 0; i < padded; i += kStep) {
      const Pair p = load_pair(out + i);
      squares[0] += p.a * p.a;
      squares[1] += p.b * p.b;
    }
    squares[0] += squares[1];
    float square;
    store_sums<1>(squares, &square);
    const float scale = 1.0f / __builtin_sqrtf(square / static_cast<float>(n) + eps);
    for (int64_t i = 0; i < n; i += kStep) {
      const Pair p = load_pair(out + i), w = i < whole ? load_pair(norm + i) : load_part(norm + i, n - i);
      write(out + i, p.a * scale * w.a);
      write(out + i + kLanes, p.b * scale * w.b);
    }
  }
}

constexpr int kLine = 64;  // bytes of a cache line

// The products of N rows of weights with M rows of x.
//
// Reading ahead is asked for in software, because the hardware's prefetchers start anew on each page and a row of
// weights is hardly longer. With Ahead = 0 it is what this loop reads kNear bytes later, at the end of the rows
// the beginning of the N next ones. Rows of at most kNear bytes are read one after another, as they lie in memory,
// which gains the more the shorter they are. With another Ahead, where several calls work on the same weights and
// arithmetic is what takes their time, it is so many lines a step from `ahead` on. All into the second-level cache:
// what waits for the first one holds up loads (on Zen 4 that costs a quarter).
template <int N, int M, int Ahead, typename T>
void tile(const T* weight, int64_t k, const float* x, int64_t x_stride, const char* ahead, float* out,
          int64_t out_stride) {
  constexpr int64_t kNear = 1024, kNarrow = 4096, kStepBytes = kStep * sizeof(T);
  const int64_t row = k * static_cast<int64_t>(sizeof(T)), turn = k - kNear / static_cast<int64_t>(sizeof(T));
  Floats sums[M * N];
#pragma GCC unroll 32
  for (Floats& s : sums) s = Floats{};
  const auto add = [&](int n, int64_t i, const Pair& w) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m) {
      const Pair p = load_pair(x + m * x_stride + i);
      sums[m * N + n] = w.a * p.a + sums[m * N + n];
      sums[m * N + n] = w.b * p.b + sums[m * N + n];
    }
  };
  const int64_t whole = k / kStep * kStep;
  const auto ask = [](const T* w, int64_t distance) __attribute__((always_inline)) {
#pragma GCC unroll 2
    for (int byte = 0; byte < kStepBytes; byte += kLine) {
      __builtin_prefetch(reinterpret_cast<const char*>(w) + distance + byte, 0, 2);
    }
  };
  if (Ahead == 0 && row <= kNear) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      for (const T *w = weight + n * k, *const end = w + whole; w < end; w += kStep) {
        ask(w, kNarrow);
        add(n, w - weight - n * k, load_pair(w));
      }
    }
  } else {
    for (int64_t i = 0; i < whole; i += kStep) {
      const int64_t distance = i < turn ? kNear : kNear + (N - 1) * row;
#pragma GCC unroll 8
      for (int line = 0; line < Ahead; ++line) __builtin_prefetch(ahead + line * kLine, 0, 2);
      ahead += Ahead * kLine;
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        const T* const w = weight + n * k + i;
        if constexpr (Ahead == 0) ask(w, distance);
        add(n, i, load_pair(w));
      }
    }
  }
  if (whole < k) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) add(n, whole, load_part(weight + n * k + whole, k - whole));
  }
  float total[M * N];
  store_sums<M * N>(sums, total);
  for (int m = 0; m < M; ++m) std::memcpy(out + m * out_stride, total + m * N, N * sizeof *out);
}

// The same for m <= M rows of x; then `ahead` is what the next call is to ask for.
template <int N, int M, int Ahead, typename T>
SHORTEN_INLINE void tile_of(int64_t m, const T* weight, int64_t k, const float* x, int64_t x_stride, const char*& ahead,
                            float* out, int64_t out_stride) {
  if constexpr (M > 1) {
    if (m < M) return tile_of<N, M - 1, Ahead>(m, weight, k, x, x_stride, ahead, out, out_stride);
  }
  tile<N, M, Ahead>(weight, k, x, x_stride, ahead, out, out_stride);
  ahead += k / kStep * Ahead * kLine;
}

// N rows of weights and all rows of x, in passes of M or fewer; of several passes each asks for its share of the
// N next rows of weights.
template <int N, int M, typename T>
void all_rows(const T* weight, int64_t k, const float* x, int64_t rows, float* out, int64_t stride) {
  constexpr int kLines = (N * kStep * static_cast<int>(sizeof(T)) + kLine - 1) / kLine;  // a step
  const int64_t x_stride = prepared_row(k);
  const char* ahead = reinterpret_cast<const char*>(weight + N * k);
  for (int64_t passes = (rows + M - 1) / M, left = passes; left > 0; --left) {
    const int64_t m = (rows + left - 1) / left;  // as even as can be
    if (passes == 1) {
      tile_of<N, M, 0>(m, weight, k, x, x_stride, ahead, out, stride);
    } else if (passes < 4) {
      tile_of<N, M, (kLines + 1) / 2>(m, weight, k, x, x_stride, ahead, out, stride);
    } else {
      tile_of<N, M, (kLines + 3) / 4>(m, weight, k, x, x_stride, ahead, out, stride);
    }
    x += m * x_stride;
    out += m * stride;
    rows -= m;
  }
}

// x [rows, prepared_row(k)] · weight[0 .. n)ᵀ → out [rows, n] with rows `stride` apart.
template <typename T>
void products(const T* weight, int64_t n, int64_t k, const float* x, int64_t rows, float* out, int64_t stride) {
  int64_t i = 0;
  const auto tiles = [&]<int N, int M>() {
    for (; i + N <= n; i += N) all_rows<N, M>(weight + i * k, k, x, rows, out + i, stride);
  };
  if (rows <= kTallRows) {
    tiles.template operator()<kTallOutputs, kTallRows>();
  } else {
    tiles.template operator()<kTileOutputs, kTileRows>();
  }
  tiles.template operator()<1, kTileRows>();
}

template <typename T>
void linear(const ProductTask<T>& task, int64_t begin, int64_t end) {
  float y[kMostRows][kOutputBlock];
  for (int64_t i = begin; i < end; i += kOutputBlock) {
    const int64_t n = end - i < kOutputBlock ? end - i : kOutputBlock;
    products(task.weight + i * task.k, n, task.k, task.x, task.rows, y[0], kOutputBlock);
    for (int64_t r = 0; r < task.rows; ++r) {
      T* const out = task.out + r * task.n + i;
      if (task.bias != nullptr) {
        for (int64_t j = 0; j < n; ++j) y[r][j] += load(task.bias[i + j]);
      }
      if (task.residual != nullptr) {
        for (int64_t j = 0; j < n; ++j) y[r][j] += load(task.residual[r * task.n + i + j]);
      }
      for (int64_t j = 0; j < n; ++j) store(out[j], y[r][j]);
    }
  }
}

template <typename T>
void swiglu(const ProductTask<T>& task, int64_t begin, int64_t end) {
  float gate[kMostRows][kOutputBlock], up[kMostRows][kOutputBlock];
  for (int64_t i = begin; i < end; i += kOutputBlock) {
    const int64_t n = end - i < kOutputBlock ? end - i : kOutputBlock;
    products(task.weight + i * task.k, n, task.k, task.x, task.rows, gate[0], kOutputBlock);
    products(task.weight + (task.n + i) * task.k, n, task.k, task.x, task.rows, up[0], kOutputBlock);
    for (int64_t r = 0; r < task.rows; ++r) {
      T* const out = task.out + r * task.n + i;
      if (task.bias != nullptr) {
        for (int64_t j = 0; j < n; ++j) {
          gate[r][j] += load(task.bias[i + j]);
          up[r][j] += load(task.bias[task.n + i + j]);
        }
      }
      for (int64_t j = 0; j < n; ++j) store(out[j], gate[r][j] / (1.0f + exp(-gate[r][j])) * up[r][j]);
    }
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
