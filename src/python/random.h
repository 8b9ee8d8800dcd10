// SPDX-License-Identifier: Apache-2.0
// Python's random.Random, bit for bit: the harness draws with it. MT19937 (Matsumoto, Nishimura 1998), seeded
// with an integer as CPython does it (init_by_array of its 32-bit digits), which std::mt19937 cannot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace shorten::python {

class Random {
 public:
  explicit Random(uint32_t seed);

  // [0, 1), 53 bits. Inline: a bootstrap draws half a billion of them.
  double random() {
    const uint32_t high = next() >> 5, low = next() >> 6;
    return (high * 67108864.0 + low) * 0x1.0p-53;
  }
  // floor(random() * n), as choices() draws. REQUIRES n > 0.
  size_t choice_index(size_t n) { return static_cast<size_t>(random() * static_cast<double>(n)); }

  // randrange: rejection on the top bits. REQUIRES 0 < bound < 2^32.
  uint64_t below(uint64_t bound);

  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i-- > 1;) std::swap(values[i], values[below(i + 1)]);
  }

 private:
  static constexpr size_t kWords = 624;

  uint32_t next() {
    if (used_ == kWords) refill();
    uint32_t y = state_[used_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9D2C5680u;
    y ^= (y << 15) & 0xEFC60000u;
    return y ^ (y >> 18);
  }
  void refill();

  std::array<uint32_t, kWords> state_;
  size_t used_ = kWords;
};

}  // namespace shorten::python
