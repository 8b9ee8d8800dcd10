// SPDX-License-Identifier: Apache-2.0
#include "recipe/settings.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "recipe/names.h"

namespace shorten::recipe {
namespace {

template <typename Value, size_t n>
const char* name_of(const Named<Value> (&table)[n], Value value) {
  for (const auto& entry : table) {
    if (entry.value == value) return entry.name;
  }
  return "";
}

template <typename Value, size_t n>
Value value_of(const Named<Value> (&table)[n], const JsonObject& json, const char* key) {
  for (const auto& entry : table) {
    if (json.string(key) == entry.name) return entry.value;
  }
  throw json.error("not a known value", key).found(json.string(key));
}

uint64_t unsigned_number(const JsonObject& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_number_unsigned()) throw json.error("not a whole number from 0", key).found(value.dump());
  return value.get<uint64_t>();
}

void expect(bool good, const char* option, const char* expected, double found) {
  if (good) return;
  throw usage_error("a setting that makes no sense").where(option).expected(expected).found(fmt::format("{}", found));
}

}  // namespace

Json to_json(const Settings& s) {
  return {{"method", name_of(kMethods, s.method)},
          {"objective", name_of(kObjectives, s.objective)},
          {"kd_weight", s.kd_weight},
          {"temperature", s.temperature},
          {"hidden_weight", s.hidden_weight},
          {"rank", s.rank},
          {"alpha", s.alpha},
          {"dropout", s.dropout},
          {"rank_stabilised", s.rank_stabilised},
          {"targets", s.targets},
          {"lr", s.lr},
          {"min_lr_ratio", s.min_lr_ratio},
          {"schedule", name_of(kCurves, s.schedule)},
          {"warmup", s.warmup},
          {"steps", s.steps},
          {"betas", {s.beta1, s.beta2}},
          {"weight_decay", s.weight_decay},
          {"clip", s.clip},
          {"batch", s.batch},
          {"micro_batch", s.micro_batch},
          {"length", s.length},
          {"loss_average", name_of(kAverages, s.average_micro)},
          {"shuffle", s.shuffle},
          {"pack", s.pack},
          {"recompute", name_of(kRecompute, s.recompute)},
          {"max_memory", s.max_memory},
          {"eval_every", s.eval_every},
          {"save_every", s.save_every},
          {"patience", s.patience},
          {"keep_best", s.keep_best},
          {"seed", s.seed}};
}

Settings settings_from_json(const JsonObject& json) {
  constexpr int64_t kMost = int64_t{1} << 40;
  Settings s;
  s.method = value_of(kMethods, json, "method");
  s.objective = value_of(kObjectives, json, "objective");
  s.kd_weight = json.number("kd_weight");
  s.temperature = json.number("temperature");
  s.hidden_weight = json.number("hidden_weight");
  s.rank = json.integer("rank", 1, kMost);
  s.alpha = json.number("alpha");
  s.dropout = json.number("dropout");
  s.rank_stabilised = json.boolean("rank_stabilised");
  s.targets.clear();
  for (const Json& target : json.array("targets")) {
    if (!target.is_string()) throw json.error("not a name", "targets").found(target.dump());
    s.targets.push_back(target.get<std::string>());
  }
  s.lr = json.number("lr");
  s.min_lr_ratio = json.number("min_lr_ratio");
  s.schedule = value_of(kCurves, json, "schedule");
  s.warmup = json.integer("warmup", 0, kMost);
  s.steps = json.integer("steps", 1, kMost);
  const std::vector<double> betas = json.numbers("betas");
  if (betas.size() != 2) throw json.error("not a pair", "betas");
  s.beta1 = betas[0];
  s.beta2 = betas[1];
  s.weight_decay = json.number("weight_decay");
  s.clip = json.number("clip");
  s.batch = json.integer("batch", 1, kMost);
  s.micro_batch = json.integer("micro_batch", 0, kMost);
  s.length = json.integer("length", 2, kMost);
  s.average_micro = value_of(kAverages, json, "loss_average");
  s.shuffle = json.boolean("shuffle");
  s.pack = json.boolean("pack");
  s.recompute = value_of(kRecompute, json, "recompute");
  s.max_memory = unsigned_number(json, "max_memory");
  s.eval_every = json.integer("eval_every", 1, kMost);
  s.save_every = json.integer("save_every", 1, kMost);
  s.patience = json.integer("patience", 0, kMost);
  s.keep_best = json.boolean("keep_best");
  s.seed = unsigned_number(json, "seed");
  return s;
}

void check_settings(const Settings& s) {
  expect(s.lr > 0 && s.lr <= 1, "--lr", "a number above 0, at most 1", s.lr);
  expect(s.min_lr_ratio >= 0 && s.min_lr_ratio <= 1, "--min-lr-ratio", "0 to 1", s.min_lr_ratio);
  expect(s.rank >= 1 && s.rank <= 4096, "--rank", "1 to 4096", static_cast<double>(s.rank));
  expect(s.alpha > 0 && s.alpha <= 1e6, "--alpha", "a number above 0, at most 1e6", s.alpha);
  expect(s.dropout >= 0 && s.dropout < 1, "--dropout", "0 or more, below 1", s.dropout);
  expect(s.beta1 >= 0 && s.beta1 < 1, "--betas", "0 or more, below 1", s.beta1);
  expect(s.beta2 >= 0 && s.beta2 < 1, "--betas", "0 or more, below 1", s.beta2);
  expect(s.weight_decay >= 0 && s.weight_decay * s.lr < 1, "--weight-decay", "0 or more, below 1 / --lr",
         s.weight_decay);
  expect(s.clip > 0 && s.clip <= 1e30, "--clip", "a number above 0, at most 1e30", s.clip);
  expect(s.kd_weight >= 0 && s.kd_weight <= 1, "--kd-weight", "0 to 1", s.kd_weight);
  expect(s.temperature >= 1e-2 && s.temperature <= 1e3, "--temperature", "0.01 to 1000", s.temperature);
  expect(s.hidden_weight >= 0 && s.hidden_weight <= 1e6, "--hidden-weight", "0 to 1e6", s.hidden_weight);
}

void check_training_dtype(const std::string& dtype) {
  if (dtype != "fp16") return;
  throw usage_error("training in fp16 is not supported")
      .where("--dtype")
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
