// SPDX-License-Identifier: Apache-2.0
#include "recipe/record.h"

#include <cmath>
#include <limits>

namespace shorten::recipe {
namespace {

double number_of(const Json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const Measured& m) {
  Json texts = Json::object();
  for (const auto& [name, value] : m.texts) texts[name] = number(value);
  return {{"loss", m.loss ? number(*m.loss) : Json()}, {"perplexity", texts}};
}

Measured measured_from(const JsonObject& json, bool with_loss) {
  Measured m;
  if (with_loss) m.loss = number_of(json.at("loss"));
  for (const auto& [name, value] : json.at("perplexity").items()) m.texts.emplace_back(name, number_of(value));
  return m;
}

Json to_json(const StepRecord& r) {
  return {{"step", r.step},      {"loss", number(r.loss)},     {"ce", number(r.ce)},
          {"kd", number(r.kd)},  {"hidden", number(r.hidden)}, {"grad_norm", number(r.grad_norm)},
          {"lr", r.lr},          {"tokens", r.tokens},         {"seconds", r.seconds},
          {"skipped", r.skipped}};
}

StepRecord record_from(const JsonObject& json) {
  StepRecord r;
  r.step = json.integer("step", 1, INT64_MAX);
  r.loss = number_of(json.at("loss"));
  r.ce = number_of(json.at("ce"));
  r.kd = number_of(json.at("kd"));
  r.hidden = number_of(json.at("hidden"));
  r.grad_norm = number_of(json.at("grad_norm"));
  r.lr = json.number("lr");
  r.tokens = json.integer("tokens", 0, INT64_MAX);
  r.seconds = json.number("seconds");
  r.skipped = json.boolean("skipped");
  return r;
}

}  // namespace shorten::recipe
