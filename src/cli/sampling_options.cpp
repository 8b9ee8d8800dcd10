// SPDX-License-Identifier: Apache-2.0
#include "cli/sampling_options.h"

namespace shorten::cli {

void add_sampling_options(CLI::App& app, engine::SamplingSettings& s) {
  app.add_option("--temperature", s.temperature, "0 takes the likeliest token; else logits are divided by it [0]")
      ->type_name("X");
  app.add_option("--top-k", s.top_k, "draw from the k likeliest tokens only; 0: from all [0]")->type_name("K");
  app.add_option("--top-p", s.top_p, "only from the likeliest that make up this share [1]")->type_name("X");
  app.add_option("--min-p", s.min_p, "only from those at least this share of the likeliest's probability [0]")
      ->type_name("X");
  app.add_option("--repetition-penalty", s.repetition_penalty, "above 1: less of what was there already [1]")
      ->type_name("X");
}

}  // namespace shorten::cli
