// SPDX-License-Identifier: Apache-2.0
// Matrix products of small fp32 operands that lie in the cache, a tile of the result in registers at a time. Included
// once for each instruction set.
#pragma once

#include "kernels/cpu/simd.h"

namespace shorten::kernels::cpu {
namespace {

// C [m, n] = A [m, k] · B [k, n], or added to what is in C. REQUIRES: m a multiple of kProductUnit, n of kRowUnit.
struct SmallProduct {
  const float* a;
  int64_t a_row, a_column;  // A(i, j) = a[i · a_row + j · a_column]; one of them is 1
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row;
  int64_t m, n, k;
  bool add;
};
constexpr int64_t kProductUnit = 8;

#if defined(__AVX512F__)
constexpr int kProductRows = 8;
#else
constexpr int kProductRows = 4;  // with 16 registers
#endif
static_assert(kProductUnit % kProductRows == 0);

// `row` and `column` are a_row and a_column, one of them known when this is compiled.
SHORTEN_INLINE void product_tile(const SmallProduct& p, const float* a, int64_t row, int64_t column, const float* b,
                                 float* c) {
  Pair sums[kProductRows];
#pragma GCC unroll 8
  for (int r = 0; r < kProductRows; ++r) sums[r] = p.add ? load_pair(c + r * p.c_row) : Pair{};
  for (int64_t k = 0; k < p.k; ++k, a += column, b += p.b_row) {
    const Pair there = load_pair(b);
#pragma GCC unroll 8
    for (int r = 0; r < kProductRows; ++r) {
      sums[r].a += there.a * a[r * row];
      sums[r].b += there.b * a[r * row];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kProductRows; ++r) {
    write(c + r * p.c_row, sums[r].a);
    write(c + r * p.c_row + kLanes, sums[r].b);
  }
}

// A strip of B stays in the cache for all rows of A.
void small_product(const SmallProduct& p) {
  for (int64_t j = 0; j < p.n; j += kStep) {
    for (int64_t i = 0; i < p.m; i += kProductRows) {
      const float* const a = p.a + i * p.a_row;
      float* const c = p.c + i * p.c_row + j;
      if (p.a_row == 1) {
        product_tile(p, a, 1, p.a_column, p.b + j, c);
      } else {
        product_tile(p, a, p.a_row, 1, p.b + j, c);
      }
    }
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
