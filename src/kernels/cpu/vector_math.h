// SPDX-License-Identifier: Apache-2.0
// Element functions that GCC turns into vector code: no calls, no branches. Inlined into the kernels,
// which are compiled for several instruction sets (SHORTEN_CLONES) and chosen when the program starts.
#pragma once

#include <cstdint>
#include <cstring>

// One body for AVX-512, AVX2 and any x86-64; the loader picks.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SHORTEN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SHORTEN_CLONES
#endif
#define SHORTEN_INLINE inline __attribute__((always_inline))

namespace shorten::kernels::cpu {

// bfloat16 as its bits. A type of our own, because ATen's converts through functions that are not inlined
// into clones.
struct Bf16 {
  uint16_t bits;
};

SHORTEN_INLINE float load(const float& x) { return x; }
SHORTEN_INLINE float load(const Bf16& x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

SHORTEN_INLINE void store(float& to, float x) { to = x; }
SHORTEN_INLINE void store(Bf16& to, float x) {  // round to nearest, ties to even; NaN stays NaN
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  to.bits = static_cast<uint16_t>(x == x ? rounded : (bits >> 16) | 0x40);
}

// e^x to 2 units in the last place: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial for e^r, and n
// added to the exponent. Below -87.3 the result is 0, above 88.7 infinity.
SHORTEN_INLINE float exp(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 · 2^23: adding it leaves an integer in the low bits
  const float bounded = x < -88.0f ? -88.0f : x > 88.72284f ? 88.72284f : x;
  const float n = (bounded * kLog2E + kRound) - kRound;
  const float r = (bounded - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4f;  // minimax on the interval
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2^n in two factors, because n = 128 alone is no float.
  const int32_t whole = static_cast<int32_t>(n), half = whole >> 1;
  const int32_t bits_a = (half + 127) << 23, bits_b = (whole - half + 127) << 23;
  float a, b;
  std::memcpy(&a, &bits_a, 4);
  std::memcpy(&b, &bits_b, 4);
  const float out = p * a * b;
  return x < -87.33654f ? 0.0f : x > 88.72283f ? __builtin_inff() : out;
}

}  // namespace shorten::kernels::cpu
