// SPDX-License-Identifier: Apache-2.0
// The die of dropout: a hash of the element's place and a seed, so that a mask is never stored, and is the same on
// every device, with any number of threads, and in whatever batch a row stands.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define SHORTEN_DIE __host__ __device__ inline
#else
#define SHORTEN_DIE inline __attribute__((always_inline))
#endif

namespace shorten::kernels {

SHORTEN_DIE uint32_t mix_bits(uint32_t x) {  // the finalizer of MurmurHash3
  x ^= x >> 16;
  x *= 0x85EBCA6Bu;
  x ^= x >> 13;
  x *= 0xC2B2AE35u;
  return x ^ (x >> 16);
}

SHORTEN_DIE uint64_t row_seed(uint64_t seed, int64_t place) {  // SplitMix64
  uint64_t x = seed + static_cast<uint64_t>(place) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Uniform in [0, 2^32). seed: of the row.
SHORTEN_DIE uint32_t roll(uint32_t column, uint64_t seed) {
  return mix_bits(mix_bits(column + static_cast<uint32_t>(seed)) ^ static_cast<uint32_t>(seed >> 32));
}

}  // namespace shorten::kernels
