// SPDX-License-Identifier: Apache-2.0
#include "cli/sampling_options.h"

namespace shorten::cli {

void add_sampling_options(CLI::App& app, engine::SamplingSettings& s) {
  app.add_option("--temperature", s.temperature,
                 "0: always the likeliest token; otherwise logits are divided by it [0]")
      ->type_name("X");
  app.add_option("--top-k", s.top_k, "draw from the K likeliest tokens only; 0: from all [0]")->type_name("K");
  app.add_option("--top-p", s.top_p, "draw from the likeliest tokens that together have this probability [1]")
      ->type_name("X");
  app.add_option("--min-p", s.min_p, "draw from tokens with at least this share of the highest probability [0]")
      ->type_name("X");
  app.add_option("--repetition-penalty", s.repetition_penalty,
                 "above 1: tokens that occurred before become less likely [1]")
      ->type_name("X");
}

}  // namespace shorten::cli
