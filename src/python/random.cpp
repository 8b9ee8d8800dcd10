// SPDX-License-Identifier: Apache-2.0
#include "python/random.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace shorten::python {

// init_by_array of the reference code, with the seed as the only key word: the state is first filled from a
// constant, then stirred twice.
Random::Random(uint32_t seed) {
  const auto mixed = [this](uint32_t i, uint32_t factor) {
    const uint32_t before = state_[i - 1];
    return (before ^ (before >> 30)) * factor;
  };
  state_[0] = 19650218;
  for (uint32_t i = 1; i < kWords; ++i) state_[i] = mixed(i, 1812433253) + i;

  uint32_t i = 1;
  const auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  for (size_t step = 0; step < kWords; ++step, advance()) state_[i] = (state_[i] ^ mixed(i, 1664525)) + seed;
  for (size_t step = 1; step < kWords; ++step, advance()) state_[i] = (state_[i] ^ mixed(i, 1566083941)) - i;
  state_[0] = 0x80000000u;  // so that the state is never all zero
}

void Random::refill() {
  constexpr size_t kShift = 397;
  const auto twist = [this](size_t i, size_t next, size_t far) {
    const uint32_t y = (state_[i] & 0x80000000u) | (state_[next] & 0x7FFFFFFFu);
    state_[i] = state_[far] ^ (y >> 1) ^ ((y & 1) ? 0x9908B0DFu : 0);
  };
  for (size_t i = 0; i < kWords - kShift; ++i) twist(i, i + 1, i + kShift);
  for (size_t i = kWords - kShift; i < kWords - 1; ++i) twist(i, i + 1, i + kShift - kWords);
  twist(kWords - 1, 0, kShift - 1);
  used_ = 0;
}

uint64_t Random::below(uint64_t bound) {
  SHORTEN_CHECK(bound > 0 && bound < uint64_t{1} << 32, "a bound outside 32 bits");
  const int bits = std::bit_width(bound);  // of the bound, not of bound - 1: a power of two rejects half
  uint32_t value = next() >> (32 - bits);
  while (value >= bound) value = next() >> (32 - bits);
  return value;
}

}  // namespace shorten::python
