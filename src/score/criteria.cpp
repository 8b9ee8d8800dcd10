// SPDX-License-Identifier: Apache-2.0
#include "plan/criteria.h"

#include <algorithm>

#include "core/check.h"
#include "score/criterion.h"

namespace shorten::score {
namespace {

struct Entry {
  std::string_view name;
  MakeScorer make;
};

// Filled when the library is loaded, and never after.
std::vector<Entry>& entries() {
  static std::vector<Entry> all;
  return all;
}

}  // namespace

Registered::Registered(std::string_view name, MakeScorer make) { entries().push_back({name, make}); }

std::vector<std::string_view> registered_criteria() {
  std::vector<std::string_view> names;
  for (const Entry& entry : entries()) names.push_back(entry.name);
  return names;
}

std::unique_ptr<Scorer> make_scorer(std::string_view name, const ScoreShape& shape) {
  const auto it = std::find_if(entries().begin(), entries().end(), [&](const Entry& e) { return e.name == name; });
  if (it == entries().end()) {
    plan::find_criterion(name);  // throws where there is none of this name
    SHORTEN_CHECK(false, "a criterion in the table that nothing computes");
  }
  return it->make(shape);
}

void Scorer::observe(int, int64_t, const Tensor&, const Tensor&) {
  SHORTEN_CHECK(false, "a scorer that observes states without observe()");
}

void Scorer::observe_input(int, int64_t, model::Projection, const Tensor&) {
  SHORTEN_CHECK(false, "a scorer that observes inputs without observe_input()");
}

}  // namespace shorten::score
