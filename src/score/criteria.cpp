// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "core/check.h"
#include "score/criterion.h"

namespace shorten::score {

void Scorer::observe(int, int64_t, const Tensor&, const Tensor&) {
  SHORTEN_CHECK(false, "a scorer that observes without observe()");
}

std::unique_ptr<Scorer> make_scorer(std::string_view name, const ScoreInput& input) {
  struct Entry {
    std::string_view name;
    std::unique_ptr<Scorer> (*make)(const ScoreInput&);
  };
  static constexpr std::array kScorers = {
      Entry{"ppl", make_ppl}, Entry{"taylor", make_taylor}, Entry{"magnitude", make_magnitude},
      Entry{"bi", make_bi},   Entry{"random", make_random},
  };
  for (const Entry& entry : kScorers) {
    if (entry.name == name) return entry.make(input);
  }
  SHORTEN_CHECK(false, "a criterion in the table that nothing computes");
}

}  // namespace shorten::score
