// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/random.h"
#include "plan/unit.h"

namespace shorten::test {

// Different ones and some that are there twice: nothing, all, and any blocks, or blocks and halves, with one in three
// of them removed.
inline std::vector<plan::RemovalSet> random_sets(int blocks, int count, bool halves, uint64_t seed = 3) {
  using plan::Part;
  Random random(seed);
  std::vector<plan::RemovalSet> sets = {{}};
  for (int s = 1; s < count; ++s) {
    plan::RemovalSet set;
    for (int b = 0; b < blocks; ++b) {
      if (random.below(3) > 0) continue;
      const uint64_t part = halves ? random.below(3) : 0;
      set.push_back({b, part == 0 ? Part::kWhole : part == 1 ? Part::kAttention : Part::kMlp});
    }
    sets.push_back(set);
  }
  plan::RemovalSet all;
  for (int b = 0; b < blocks; ++b) all.push_back({b, Part::kWhole});
  sets.push_back(all);
  sets.push_back(sets[1]);
  return sets;
}

}  // namespace shorten::test
