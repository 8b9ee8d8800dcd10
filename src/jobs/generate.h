// SPDX-License-Identifier: Apache-2.0
// Continuations of prompts, by one model or by several one after another.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/progress.h"
#include "engine/engine.h"
#include "jobs/text.h"

namespace shorten::jobs {

struct GenerateRequest {
  std::vector<family::ModelPtr> models;
  std::vector<std::string> prompts;       // of each model a batch
  std::optional<int64_t> max_new_tokens;  // absent: 128, or as many as the context leaves
  std::vector<std::string> stop;          // a text ends before the first of these
  bool ignore_eos = false;
  engine::SamplingSettings sampling;
  TextRequest tokens;
  engine::ComputeOptions compute;

  // As it comes: a model begins; more text of a prompt.
  std::function<void(size_t model)> on_model = [](size_t) {};
  std::function<void(size_t prompt, std::string_view text)> on_text = [](size_t, std::string_view) {};
};

struct Sample {
  std::vector<text::TokenId> prompt_ids, ids;
  std::string text, stop = "length";  // or "eos", "stop-string"
};

struct Generation {             // of one model
  std::vector<Sample> samples;  // one a prompt
  engine::ComputeUsed used;
  double seconds = 0;  // without loading

  int64_t new_tokens() const;
};

// All models and prompts are checked before the first is loaded. Throws usage_error naming the field, diverged where a
// model computes NaN, no_space. One Generation a model.
std::vector<Generation> generate_text(const GenerateRequest& request, const Hooks& hooks = {});

}  // namespace shorten::jobs
