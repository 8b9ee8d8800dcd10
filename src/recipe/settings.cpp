// SPDX-License-Identifier: Apache-2.0
#include "recipe/settings.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "recipe/settings_table.h"

namespace shorten::recipe {
Settings defaults(Method method) {
  Settings s;
  s.method = method;
  if (method == Method::kFull) {
    s.schedule = Curve::kCosine;
    s.beta2 = 0.95;
    s.weight_decay = 0.1;
  }
  return s;
}

Json to_json(const Settings& s) {
  Json json = Json::object();
  for (const Setting& setting : settings_table()) json[setting.key] = value_of(setting, s);
  return json;
}

Settings settings_from_json(const JsonObject& json) {
  Settings s;
  for (const Setting& setting : settings_table()) read_value(setting, json, s);
  return s;
}

void check_decay(const Settings& s) {
  if (s.weight_decay * s.lr < 1) return;
  throw usage_error("a setting out of range")
      .field("weight_decay")
      .expected("0 or more, below 1 / `lr`")
      .found(fmt::format("{}", s.weight_decay));
}

void check_settings(const Settings& s) {
  for (const Setting& setting : settings_table()) check_value(setting, s);
  check_decay(s);
}

void check_training_dtype(const std::string& dtype) {
  if (dtype != "fp16") return;
  throw usage_error("training in fp16 is not supported")
      .field("dtype")
      .expected("bf16 or fp32")
      .help("fp16 loses small gradients; bf16 has the range of fp32");
}

double learning_rate(const Settings& s, int64_t step) {
  if (step < s.warmup) return s.lr * static_cast<double>(step) / static_cast<double>(s.warmup);
  const double done =
      static_cast<double>(step - s.warmup) / static_cast<double>(std::max<int64_t>(1, s.steps - s.warmup));
  double share = 1;
  if (s.schedule == Curve::kLinear) share = std::max(0.0, 1 - done);
  if (s.schedule == Curve::kCosine) share = 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, done)));
  return s.lr * (s.min_lr_ratio + (1 - s.min_lr_ratio) * share);
}

}  // namespace shorten::recipe
