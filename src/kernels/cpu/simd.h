// SPDX-License-Identifier: Apache-2.0
// Vectors of the instruction set that the including file is compiled for. Everything is in an unnamed namespace:
// each of those files must keep its own copy, or the linker could hand AVX-512 code to a machine without it.
//
// Elements are read in pairs of vectors, 2 kLanes at a time. A pair of bf16 holds the even elements and the odd
// ones, because those need one instruction each to become fp32; the other dtypes stay in order. Rows of x are
// put in the same order once, and sums over elements do not mind.
#pragma once

#include <cstdint>
#include <cstring>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "kernels/cpu/decode_kernels.h"

namespace shorten::kernels::cpu {
namespace {

// How many sums fit into registers while weights stream by: of kTallOutputs rows of weights with up to kTallRows
// rows of x, or of kTileOutputs with up to kTileRows. Tall ones read memory best: each row is a stream of its own.
#if defined(__AVX512F__)
constexpr int kLanes = 16, kTallOutputs = 8, kTallRows = 2, kTileOutputs = 6, kTileRows = 4;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kTallOutputs = 8, kTallRows = 1, kTileOutputs = 4, kTileRows = 2;
#else
constexpr int kLanes = 4, kTallOutputs = 4, kTallRows = 1, kTileOutputs = 4, kTileRows = 2;
#endif
constexpr int kStep = 2 * kLanes;  // elements of a pair
static_assert(kRowUnit % kStep == 0);

typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));

struct Pair {
  Floats a, b;
};

template <typename Vector>
SHORTEN_INLINE Vector read(const void* from) {
  Vector out;
  std::memcpy(&out, from, sizeof out);
  return out;
}
SHORTEN_INLINE void write(void* to, Floats x) { std::memcpy(to, &x, sizeof x); }

SHORTEN_INLINE Pair load_pair(const float* x) { return {read<Floats>(x), read<Floats>(x + kLanes)}; }
SHORTEN_INLINE Pair widen_bf16(Words words) {
  return {reinterpret_cast<Floats>(words << 16), reinterpret_cast<Floats>(words & 0xFFFF0000u)};
}
SHORTEN_INLINE Pair load_pair(const Bf16* x) { return widen_bf16(read<Words>(x)); }
SHORTEN_INLINE Pair load_pair(const Half* x) {
#if defined(__AVX512F__)
  return {_mm512_cvtph_ps(read<__m256i>(x)), _mm512_cvtph_ps(read<__m256i>(x + kLanes))};
#elif defined(__AVX2__)
  return {_mm256_cvtph_ps(read<__m128i>(x)), _mm256_cvtph_ps(read<__m128i>(x + kLanes))};
#else
  float wide[kStep];
#pragma omp simd
  for (int i = 0; i < kStep; ++i) wide[i] = load(x[i]);
  return load_pair(wide);
#endif
}

// The first n < kStep elements, then zeros.
#if defined(__AVX512F__)
SHORTEN_INLINE Pair load_part(const float* x, int64_t n) {
  const uint32_t mask = (1u << n) - 1;
  return {_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x),
          _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> kLanes), x + kLanes)};
}
SHORTEN_INLINE Pair load_part(const Bf16* x, int64_t n) {
  return widen_bf16(reinterpret_cast<Words>(_mm512_maskz_loadu_epi16((1u << n) - 1, x)));
}
SHORTEN_INLINE Pair load_part(const Half* x, int64_t n) {
  const uint32_t mask = (1u << n) - 1;
  return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), x)),
          _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask >> kLanes), x + kLanes))};
}
#else
template <typename T>
SHORTEN_INLINE Pair load_part(const T* x, int64_t n) {
  T whole[kStep] = {};
  std::memcpy(whole, x, static_cast<size_t>(n) * sizeof(T));
  return load_pair(whole);
}
#endif

// A pair of Ts to n <= kStep elements in their order.
SHORTEN_INLINE void store_pair(float* to, const Pair& x, int64_t n) {
  std::memcpy(to, &x, static_cast<size_t>(n) * sizeof *to);
}
SHORTEN_INLINE void store_pair(Half* to, const Pair& x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) store(to[i], i < kLanes ? x.a[i] : x.b[i - kLanes]);
}
SHORTEN_INLINE void store_pair(Bf16* to, const Pair& x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) store(to[i], i % 2 == 0 ? x.a[i / 2] : x.b[i / 2]);
}

// The sums of neighbours in a, then those in b.
SHORTEN_INLINE Floats fold(Floats a, Floats b) {
  Words even, odd;
  for (int i = 0; i < kLanes; ++i) {
    even[i] = static_cast<uint32_t>(2 * i);
    odd[i] = static_cast<uint32_t>(2 * i + 1);
  }
  return __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, odd);
}

// Count vectors folded to one, Count a power of two, of which those from Known on are zero. No loops: an array is
// kept in registers only where all its indices are constants early on.
template <int Count, int Known>
SHORTEN_INLINE Floats fold_all(const Floats* x) {
  if constexpr (Known <= 0) {
    return Floats{};
  } else if constexpr (Count == 1) {
    return x[0];
  } else {
    return fold(fold_all<Count / 2, Known>(x), fold_all<Count / 2, Known - Count / 2>(x + Count / 2));
  }
}

// The sums of the elements of each of Count vectors. The order of additions is the same whatever Count is.
template <int Count>
SHORTEN_INLINE void store_sums(const Floats* x, float* out) {
  if constexpr (Count > kLanes) {
    store_sums<kLanes>(x, out);
    store_sums<Count - kLanes>(x + kLanes, out + kLanes);
  } else {
    constexpr int kRounded = Count > 8 ? 16 : Count > 4 ? 8 : Count > 2 ? 4 : Count;
    Floats sums = fold_all<kRounded, Count>(x);
#pragma GCC unroll 4
    for (int width = kLanes / kRounded; width > 1; width /= 2) sums = fold(sums, sums);
    std::memcpy(out, &sums, Count * sizeof *out);
  }
}

}  // namespace
}  // namespace shorten::kernels::cpu
