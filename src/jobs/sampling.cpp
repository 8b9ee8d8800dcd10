// SPDX-License-Identifier: Apache-2.0
#include "jobs/sampling.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::jobs {

void check_sampling(const engine::SamplingSettings& s) {
  const auto check = [](bool sound, const char* field, double found, const char* expected) {
    if (sound) return;
    throw usage_error("a value out of range").field(field).expected(expected).found(fmt::format("{}", found));
  };
  // Beyond these fp32 has no digits left to tell logits apart.
  const auto sensible = [](double x) { return x >= 1e-3 && x <= 1e3; };
  check(s.temperature == 0 || sensible(s.temperature), "temperature", s.temperature, "0, or 0.001 to 1000");
  check(s.top_k >= 0, "top_k", static_cast<double>(s.top_k), "0 or more");
  check(s.top_p > 0 && s.top_p <= 1, "top_p", s.top_p, "above 0, at most 1");
  check(s.min_p >= 0 && s.min_p <= 1, "min_p", s.min_p, "0 to 1");
  check(sensible(s.repetition_penalty), "repetition_penalty", s.repetition_penalty, "0.001 to 1000");
  if (s.temperature == 0 && (s.top_k > 0 || s.top_p < 1 || s.min_p > 0)) {
    throw usage_error("`top_k`, `top_p` and `min_p` have no effect at temperature 0")
        .field("temperature", "0")
        .help("give a `temperature`, 0.8 for example");
  }
}

}  // namespace shorten::jobs
