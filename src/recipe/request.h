// SPDX-License-Identifier: Apache-2.0
// What somebody asks of a training run: settings that may be left out, and how those that are become what a run uses.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipe/settings.h"

namespace shorten::recipe {

// As in Settings, where each is explained. recipe/settings_table.h ties the two together.
struct SettingsRequest {
  std::optional<Method> method;
  std::optional<Objective> objective;
  std::optional<double> kd_weight, temperature, hidden_weight;

  std::optional<int64_t> rank;
  std::optional<double> alpha, dropout;
  std::optional<std::vector<std::string>> targets;

  std::optional<double> lr, min_lr_ratio;
  std::optional<Curve> schedule;
  std::optional<int64_t> warmup, steps;
  std::optional<std::pair<double, double>> betas;
  std::optional<double> weight_decay, clip;

  std::optional<int64_t> batch, micro_batch, length;
  std::optional<bool> average_micro, shuffle, pack;
  std::optional<Recompute> recompute;
  std::optional<uint64_t> max_memory;

  std::optional<int64_t> eval_every, save_every, patience;
  std::optional<bool> keep_best;
  std::optional<uint64_t> seed;
};

// What a request is about.
struct RequestContext {
  bool self_text = false;                // the parent writes the rows
  std::vector<std::string> projections;  // that can get adapters, e.g. "q_proj", in the order of the model
};

// Everything checked and defaults that depend on others filled in. What the rows decide is left to whoever has them:
// `steps` is 0 unless it was asked for, `warmup` and `length` are at most what they say. Throws usage_error naming the
// field.
Settings resolve(const SettingsRequest& request, const RequestContext& context);

// Takes over what was asked for among what may change when a run goes on, and says whether something did. Throws
// usage_error naming the field.
bool take_changes(const SettingsRequest& request, Settings& settings);

}  // namespace shorten::recipe
