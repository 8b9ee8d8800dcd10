// SPDX-License-Identifier: Apache-2.0
// Learning rates against values worked out by hand, settings to JSON and back, settings that make no sense.
#include "recipe/settings.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "core/error.h"
#include "recipe/settings_table.h"

namespace shorten::recipe {
namespace {

Settings with(Curve schedule, int64_t warmup, int64_t steps, double min_lr_ratio = 0) {
  Settings s;
  s.lr = 0.8;
  s.schedule = schedule;
  s.warmup = warmup;
  s.steps = steps;
  s.min_lr_ratio = min_lr_ratio;
  return s;
}

std::vector<double> rates(const Settings& s) {
  std::vector<double> out;
  for (int64_t step = 0; step < s.steps; ++step) out.push_back(learning_rate(s, step));
  return out;
}

void expect_rates(const Settings& s, const std::vector<double>& expected) {
  const std::vector<double> found = rates(s);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-15) << "step " << i;
}

TEST(Settings, RatesAreThoseOfTransformers) {
  expect_rates(with(Curve::kLinear, 4, 8), {0, 0.2, 0.4, 0.6, 0.8, 0.6, 0.4, 0.2});
  expect_rates(with(Curve::kLinear, 0, 4), {0.8, 0.6, 0.4, 0.2});
  expect_rates(with(Curve::kLinear, 0, 4, 0.5), {0.8, 0.7, 0.6, 0.5});
  const double a = std::sqrt(0.5);
  expect_rates(with(Curve::kCosine, 1, 5), {0, 0.8, 0.4 * (1 + a), 0.4, 0.4 * (1 - a)});
  expect_rates(with(Curve::kCosine, 1, 5, 0.25), {0, 0.8, 0.2 + 0.3 * (1 + a), 0.5, 0.2 + 0.3 * (1 - a)});
  expect_rates(with(Curve::kConstant, 2, 5), {0, 0.4, 0.8, 0.8, 0.8});
  expect_rates(with(Curve::kConstant, 0, 2), {0.8, 0.8});
}

TEST(Settings, AWarmUpLongerThanTheRunOnlyRises) {
  expect_rates(with(Curve::kLinear, 8, 4), {0, 0.1, 0.2, 0.3});
  expect_rates(with(Curve::kCosine, 4, 4), {0, 0.2, 0.4, 0.6});
  EXPECT_EQ(learning_rate(with(Curve::kLinear, 4, 4), 4), 0.8) << "no division by zero";
}

TEST(Settings, JsonKeepsEveryValue) {
  Settings s;
  s.method = Method::kFull;
  s.objective = Objective::kKd;
  s.kd_weight = 0.1;
  s.temperature = 2.5;
  s.hidden_weight = 0.3;
  s.rank = 3;
  s.alpha = 0.7;
  s.dropout = 0.1;
  s.rank_stabilised = true;
  s.targets = {"k_proj"};
  s.lr = 1.0 / 3;
  s.min_lr_ratio = 0.01;
  s.schedule = Curve::kConstant;
  s.warmup = 0;
  s.steps = 7;
  s.beta1 = 0.8;
  s.beta2 = 0.7;
  s.weight_decay = 0.01;
  s.clip = 1e9;
  s.batch = 5;
  s.micro_batch = 2;
  s.length = 11;
  s.average_micro = true;
  s.shuffle = s.pack = false;
  s.recompute = Recompute::kOff;
  s.max_memory = uint64_t{1} << 63;
  s.eval_every = 13;
  s.save_every = 17;
  s.patience = 19;
  s.keep_best = true;
  s.seed = UINT64_MAX;
  for (const Settings& original : {s, with(Curve::kCosine, 1, 2)}) {
    const Json json = to_json(original), read = Json::parse(json.dump());
    EXPECT_EQ(to_json(settings_from_json(JsonObject(read, "settings.json"))), json);
  }
  const Json plain = to_json(with(Curve::kLinear, 1, 2)), other = to_json(s);
  for (const auto& [key, value] : plain.items()) EXPECT_NE(value, other[key]) << "the test changes every value";
}

TEST(Settings, DamagedJsonIsRefused) {
  const Json sound = to_json(with(Curve::kLinear, 1, 2));
  const auto refused = [](const Json& json, const std::string& key) {
    try {
      settings_from_json(JsonObject(json, "run.json"));
      return false;
    } catch (const Error& e) {
      EXPECT_THAT(e.where(), ::testing::HasSubstr("\"" + key + "\""));
      return e.code() == ExitCode::kBadInput;
    }
  };
  for (const auto& [key, value] : sound.items()) {
    Json damaged = sound;
    damaged.erase(key);
    EXPECT_TRUE(refused(damaged, key)) << key << " is missing";
    damaged[key] = Json::object();
    EXPECT_TRUE(refused(damaged, key)) << key << " is an object";
  }
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"method", "other"},
                                                                            {"schedule", "step"},
                                                                            {"loss_average", "all"},
                                                                            {"betas", {0.9}},
                                                                            {"targets", {1}},
                                                                            {"steps", 0},
                                                                            {"lr", 1.01},
                                                                            {"dropout", 1},
                                                                            {"betas", {0.9, 1}},
                                                                            {"length", 1},
                                                                            {"batch", int64_t{1} << 32},
                                                                            {"seed", -1},
                                                                            {"max_memory", "1GB"}}) {
    Json damaged = sound;
    damaged[key] = value;
    EXPECT_TRUE(refused(damaged, key)) << key;
  }
}

TEST(Settings, FilesOfOtherVersionsAreRead) {
  const Json sound = to_json(with(Curve::kLinear, 1, 2));
  Json newer = sound;
  newer["what_comes_later"] = 1;
  EXPECT_EQ(to_json(settings_from_json(JsonObject(newer, "run.json"))), sound);

  Setting setting = find_setting("schedule");
  setting.older = R"("cosine")";
  Json older = sound;
  Settings s;
  read_value(setting, JsonObject(older, "run.json"), s);
  EXPECT_EQ(s.schedule, Curve::kLinear);
  older.erase("schedule");
  read_value(setting, JsonObject(older, "run.json"), s);
  EXPECT_EQ(s.schedule, Curve::kCosine) << "how versions behaved that did not have it";
}

// What a run worked out for itself is no mistake of whoever asks.
TEST(Settings, DerivedValuesMayBeLarger) {
  Json json = to_json(with(Curve::kLinear, 1, 2));
  for (const char* key : {"steps", "warmup", "length"}) json[key] = int64_t{1} << 32;
  EXPECT_EQ(to_json(settings_from_json(JsonObject(json, "run.json"))), json);
}

TEST(Settings, EveryOlderValueCanBeRead) {
  for (const Setting& setting : settings_table()) {
    Settings s;
    const Json none = Json::object();
    if (!setting.older) continue;
    EXPECT_NO_THROW(read_value(setting, JsonObject(none, "run.json"), s)) << setting.key;
  }
}

TEST(Settings, WhatMakesNoSenseIsNamed) {
  EXPECT_NO_THROW(check_settings(with(Curve::kLinear, 1, 2)));
  const struct {
    const char* field;
    std::function<void(Settings&)> change;
  } mistakes[] = {
      {"lr", [](Settings& s) { s.lr = 0; }},
      {"lr", [](Settings& s) { s.lr = NAN; }},
      {"lr", [](Settings& s) { s.lr = 1.01; }},
      {"min_lr_ratio", [](Settings& s) { s.min_lr_ratio = -0.1; }},
      {"rank", [](Settings& s) { s.rank = 0; }},
      {"rank", [](Settings& s) { s.rank = 4097; }},
      {"alpha", [](Settings& s) { s.alpha = 0; }},
      {"dropout", [](Settings& s) { s.dropout = 1; }},
      {"betas", [](Settings& s) { s.beta1 = 1; }},
      {"betas", [](Settings& s) { s.beta2 = -0.1; }},
      {"weight_decay", [](Settings& s) { s.weight_decay = -1; }},
      {"weight_decay", [](Settings& s) { s.weight_decay = 2; }},
      {"clip", [](Settings& s) { s.clip = 0; }},
      {"clip", [](Settings& s) { s.clip = NAN; }},
      {"clip", [](Settings& s) { s.clip = INFINITY; }},
      {"kd_weight", [](Settings& s) { s.kd_weight = 1.1; }},
      {"temperature", [](Settings& s) { s.temperature = 0; }},
      {"hidden_weight", [](Settings& s) { s.hidden_weight = -1; }},
      {"steps", [](Settings& s) { s.steps = 0; }},
      {"length", [](Settings& s) { s.length = 1; }},
      {"save_every", [](Settings& s) { s.save_every = 0; }},
  };
  for (const auto& mistake : mistakes) {
    Settings s = with(Curve::kLinear, 1, 2);
    mistake.change(s);
    try {
      check_settings(s);
      ADD_FAILURE() << mistake.field;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kUsage);
      EXPECT_EQ(e.field(), mistake.field);
    }
  }
}

}  // namespace
}  // namespace shorten::recipe
