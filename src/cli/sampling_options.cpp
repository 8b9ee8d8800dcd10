// SPDX-License-Identifier: Apache-2.0
#include "cli/sampling_options.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::cli {

void add_sampling_options(CLI::App& app, SamplingSettings& s) {
  app.add_option("--temperature", s.temperature, "0 takes the likeliest token; else logits are divided by it [0]")
      ->type_name("X");
  app.add_option("--top-k", s.top_k, "draw from the k likeliest tokens only; 0: from all [0]")->type_name("K");
  app.add_option("--top-p", s.top_p, "only from the likeliest that make up this share [1]")->type_name("X");
  app.add_option("--min-p", s.min_p, "only from those at least this share of the likeliest's probability [0]")
      ->type_name("X");
  app.add_option("--repetition-penalty", s.repetition_penalty, "above 1: less of what was there already [1]")
      ->type_name("X");
}

void check_sampling(const SamplingSettings& s) {
  const auto check = [](bool sound, const char* option, double found, const char* expected) {
    if (sound) return;
    throw usage_error("a value that makes no sense").where(option).expected(expected).found(fmt::format("{}", found));
  };
  // Beyond these fp32 has no digits left to tell logits apart.
  const auto sensible = [](double x) { return x >= 1e-3 && x <= 1e3; };
  check(s.temperature == 0 || sensible(s.temperature), "--temperature", s.temperature, "0, or 0.001 to 1000");
  check(s.top_k >= 0, "--top-k", static_cast<double>(s.top_k), "0 or more");
  check(s.top_p > 0 && s.top_p <= 1, "--top-p", s.top_p, "above 0, at most 1");
  check(s.min_p >= 0 && s.min_p <= 1, "--min-p", s.min_p, "0 to 1");
  check(sensible(s.repetition_penalty), "--repetition-penalty", s.repetition_penalty, "0.001 to 1000");
  if (s.temperature == 0 && (s.top_k > 0 || s.top_p < 1 || s.min_p > 0)) {
    throw usage_error("--top-k, --top-p and --min-p choose what is drawn from, and nothing is drawn")
        .where("--temperature 0")
        .help("give a --temperature, 0.8 for example");
  }
}

}  // namespace shorten::cli
