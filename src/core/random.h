// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers that are the same on every platform and with every standard library
// (std::uniform_int_distribution is not). The generator is SplitMix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace shorten {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += kStep);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound), without bias: draws that fall into the incomplete last interval are
  // rejected. REQUIRES: bound > 0.
  uint64_t below(uint64_t bound) {
    const uint64_t threshold = (0 - bound) % bound;
    while (true) {
      const uint64_t x = next();
      if (x >= threshold) return x % bound;
    }
  }

  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // The seed of a generator that begins where this one is after so many more calls of next().
  uint64_t seed_after(uint64_t calls) const { return state_ + calls * kStep; }

 private:
  static constexpr uint64_t kStep = 0x9E3779B97F4A7C15u;
  uint64_t state_;
};

}  // namespace shorten
