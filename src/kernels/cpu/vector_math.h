// SPDX-License-Identifier: Apache-2.0
// Element functions that GCC turns into vector code: no calls, no branches. Inlined into the kernels, which are
// compiled for several instruction sets (kernels/cpu/isa.h).
#pragma once

#include <cstdint>
#include <cstring>

#define SHORTEN_INLINE inline __attribute__((always_inline))

namespace shorten::kernels::cpu {

// bfloat16 and IEEE half as their bits. Types of our own, because ATen's convert through functions that need
// not be inlined.
struct Bf16 {
  uint16_t bits;
};
struct Half {
  uint16_t bits;
};

template <typename To, typename From>
SHORTEN_INLINE To bits_as(const From& x) {
  static_assert(sizeof(To) == sizeof(From));
  To out;
  std::memcpy(&out, &x, sizeof out);
  return out;
}

SHORTEN_INLINE float load(const float& x) { return x; }
SHORTEN_INLINE float load(const Bf16& x) { return bits_as<float>(static_cast<uint32_t>(x.bits) << 16); }
SHORTEN_INLINE float load(const Half& x) {
  const uint32_t exponent = x.bits & 0x7C00u, sign = (x.bits & 0x8000u) << 16;
  const uint32_t bits = (x.bits & 0x7FFFu) << 13;
  // The exponent's bias is 15 there and 127 here. Subnormals: a mantissa on 2^-14, less 2^-14.
  const float subnormal = bits_as<float>(bits + (113u << 23)) - bits_as<float>(113u << 23);
  const uint32_t other = bits + (exponent == 0x7C00u ? 224u << 23 : 112u << 23);
  return bits_as<float>(sign | (exponent == 0 ? bits_as<uint32_t>(subnormal) : other));
}

SHORTEN_INLINE void store(float& to, float x) { to = x; }
SHORTEN_INLINE void store(Bf16& to, float x) {  // round to nearest, ties to even; NaN stays NaN
  const uint32_t bits = bits_as<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  to.bits = static_cast<uint16_t>(x == x ? rounded : (bits >> 16) | 0x40);
}
SHORTEN_INLINE void store(Half& to, float x) {  // likewise; from 65520 on infinity
  const uint32_t sign = bits_as<uint32_t>(x) & 0x80000000u, bits = bits_as<uint32_t>(x) ^ sign;
  const uint32_t normal = (bits - (112u << 23) + 0xFFF + ((bits >> 13) & 1)) >> 13;
  // Below 2^-14: adding 1/2 leaves the rounded multiple of 2^-24 in the low bits.
  const uint32_t subnormal = bits_as<uint32_t>(bits_as<float>(bits) + 0.5f) - bits_as<uint32_t>(0.5f);
  const uint32_t large = x == x ? 0x7C00u : 0x7E00u;
  const uint32_t out = bits >= 143u << 23 ? large : bits < 113u << 23 ? subnormal : normal;
  to.bits = static_cast<uint16_t>(out | sign >> 16);
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
  const float out = p * bits_as<float>(bits_a) * bits_as<float>(bits_b);
  return x < -87.33654f ? 0.0f : x > 88.72283f ? __builtin_inff() : out;
}

}  // namespace shorten::kernels::cpu
