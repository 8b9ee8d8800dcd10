// SPDX-License-Identifier: Apache-2.0
// What a run says of itself. Nothing here needs LibTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "data/example.h"

namespace shorten::recipe {

// Rows that only measure. As a text its loss is reported as a perplexity.
struct HeldOut {
  std::string name;
  std::vector<data::Example> rows;
};

struct Measured {
  std::optional<double> loss;                         // mean over the validation rows' counting tokens, nats
  std::vector<std::pair<std::string, double>> texts;  // perplexities
};

struct StepRecord {
  int64_t step = 0;                             // from 1
  double loss = 0, ce = 0, kd = 0, hidden = 0;  // means over the step's counting tokens, before the update
  double grad_norm = 0, lr = 0;
  int64_t tokens = 0;  // of the step's rows
  double seconds = 0;
  bool skipped = false;
  std::optional<Measured> measured;  // after the update
};

// As they lie in heal.json, train.jsonl and saved states; what is not finite is null there and NaN when it is read. A
// loss that is not there is null, too: the reader knows whether there are rows for it.
Json number(double value);
Json to_json(const Measured& measured);
Measured measured_from(const JsonObject& json, bool with_loss);
Json to_json(const StepRecord& record);  // without `measured`
StepRecord record_from(const JsonObject& json);

struct Hooks {
  std::function<void(int64_t done, const Measured& before)> on_start = [](int64_t, const Measured&) {};
  std::function<void(const StepRecord&)> on_step = [](const StepRecord&) {};
  std::function<void()> before_save = [] {};
  std::function<bool()> stop = [] { return false; };
};

struct TrainResult {
  Measured before;
  Measured after;  // of the weights that are kept: the last, or with keep_best the best
  int64_t steps = 0, skipped = 0, best_step = 0;
  std::optional<Measured> best;  // of the best step
  std::string best_sha256;       // of its weights, as they are saved aside
  bool stopped_early = false;
  bool moved = false;       // the weights are not those that it began with
  int64_t micro_batch = 0;  // rows at once, as they were
  bool recompute = false;
};

}  // namespace shorten::recipe
