// SPDX-License-Identifier: Apache-2.0
// Requests to settings: defaults that depend on others, what has no use, what may change when a run goes on.
#include "recipe/request.h"

#include <gmock/gmock.h>

#include <functional>

#include "core/error.h"
#include "recipe/settings_table.h"

namespace shorten::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const RequestContext kFiles{false, {"q_proj", "v_proj", "up_proj"}}, kSelf{true, {"q_proj"}};

void expect_refused(const std::string& field, const std::string& expected, const std::function<void()>& act) {
  try {
    act();
    ADD_FAILURE() << field;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
    EXPECT_EQ(e.field(), field);
    EXPECT_THAT(e.expected(), HasSubstr(expected));
  }
}

TEST(Request, WithoutAWishThereAreDefaults) {
  Settings expected;
  expected.targets = kFiles.projections;
  expected.kd_weight = 0;  // without a teacher
  EXPECT_EQ(to_json(resolve({}, kFiles)), to_json(expected));
  EXPECT_EQ(resolve({}, kSelf).objective, Objective::kKd);
  EXPECT_EQ(resolve({}, kSelf).kd_weight, 1);
}

TEST(Request, TheMethodDecides) {
  SettingsRequest request;
  request.method = Method::kFull;
  Settings s = resolve(request, kFiles);
  EXPECT_EQ(s.schedule, Curve::kCosine);
  EXPECT_EQ(s.beta2, 0.95);
  EXPECT_EQ(s.weight_decay, 0.1);
  request.schedule = Curve::kLinear;
  request.betas = {0.8, 0.9};
  request.weight_decay = 0;
  s = resolve(request, kFiles);
  EXPECT_EQ(s.schedule, Curve::kLinear);
  EXPECT_EQ(s.beta1, 0.8);
  EXPECT_EQ(s.beta2, 0.9);
  EXPECT_EQ(s.weight_decay, 0);
}

TEST(Request, TargetsAreThoseOfTheModelInItsOrder) {
  SettingsRequest request;
  request.targets = {"up_proj", "q_proj", "up_proj"};
  EXPECT_THAT(resolve(request, kFiles).targets, ElementsAre("q_proj", "up_proj"));
  request.targets = {"k_proj"};
  expect_refused("targets", "q_proj, v_proj, up_proj", [&] { resolve(request, kFiles); });
  request.targets->clear();
  expect_refused("targets", "q_proj", [&] { resolve(request, kFiles); });
}

TEST(Request, WhatHasNoUseIsNamed) {
  const struct {
    const char* field;
    const char* expected;
    std::function<void(SettingsRequest&)> change;
  } mistakes[] = {
      {"rank", "only with `method` lora",
       [](SettingsRequest& r) {
         r.method = Method::kFull;
         r.rank = 4;
       }},
      {"temperature", "only with `objective` kd", [](SettingsRequest& r) { r.temperature = 2; }},
      {"min_lr_ratio", "a `schedule` that falls",
       [](SettingsRequest& r) {
         r.schedule = Curve::kConstant;
         r.min_lr_ratio = 0.1;
       }},
      {"loss_average", "`micro_batch` as well", [](SettingsRequest& r) { r.average_micro = true; }},
      {"pack", "only with `loss_average` batch",
       [](SettingsRequest& r) {
         r.average_micro = true;
         r.micro_batch = 2;
         r.pack = false;
       }},
      {"weight_decay", "below 1 / `lr`", [](SettingsRequest& r) { r.weight_decay = 1e5; }},
      {"steps", "1 to", [](SettingsRequest& r) { r.steps = 0; }},
      {"betas", "below 1",
       [](SettingsRequest& r) {
         r.betas = {0.9, 1};
       }},
  };
  for (const auto& mistake : mistakes) {
    SettingsRequest request;
    mistake.change(request);
    expect_refused(mistake.field, mistake.expected, [&] { resolve(request, kFiles); });
  }
}

TEST(Request, WhatMayChangeIsTaken) {
  SettingsRequest request;
  request.recompute = Recompute::kOn;
  request.max_memory = 1000;
  request.lr = 0.5;
  Settings s;
  EXPECT_TRUE(take_changes(request, s));
  EXPECT_FALSE(take_changes(request, s)) << "a second time";
  EXPECT_EQ(s.recompute, Recompute::kOn);
  EXPECT_EQ(s.max_memory, 1000u);
  EXPECT_EQ(s.lr, Settings().lr) << "stays what it was";

  s.average_micro = true;
  s.micro_batch = 2;
  request.micro_batch = 2;
  EXPECT_FALSE(take_changes(request, s)) << "the same as before";
  request.micro_batch = 4;
  expect_refused("micro_batch", "", [&] { take_changes(request, s); });
}

TEST(Request, WhatARunWasBegunWithStays) {
  SettingsRequest request;
  Settings begun = resolve(request, kFiles);
  begun.warmup = 3;  // derived
  begun.steps = 30;
  begun.micro_batch = 2;  // may change
  const auto difference = [&] { return first_difference(request, resolve(request, kFiles), begun); };
  EXPECT_EQ(difference(), nullptr);
  EXPECT_EQ(first_fixed(request), nullptr);
  request.recompute = Recompute::kOn;
  EXPECT_EQ(difference(), nullptr);
  EXPECT_EQ(first_fixed(request), nullptr);
  request.warmup = 3;
  EXPECT_EQ(difference(), nullptr);
  EXPECT_EQ(first_fixed(request), &find_setting("warmup"));
  request.warmup = 4;
  EXPECT_EQ(difference(), &find_setting("warmup"));
  request.warmup.reset();
  request.clip = 2;
  EXPECT_EQ(difference(), &find_setting("clip"));
}

TEST(Request, EveryMemberHasItsEntry) {
  SettingsRequest request;
  for (const Setting& setting : settings_table()) EXPECT_FALSE(is_asked(setting, request)) << setting.key;
  request.seed = 7;
  request.targets = {"q_proj"};
  request.keep_best = true;
  request.betas = {0.1, 0.2};
  int asked = 0;
  for (const Setting& setting : settings_table()) asked += is_asked(setting, request);
  EXPECT_EQ(asked, 4);
  const Settings s = resolve(request, kFiles);
  EXPECT_EQ(s.seed, 7u);
  EXPECT_TRUE(s.keep_best);
}

TEST(Request, DefaultsAreTold) {
  EXPECT_EQ(default_text(find_setting("rank")), "8");
  EXPECT_EQ(default_text(find_setting("method")), "lora");
  EXPECT_EQ(default_text(find_setting("schedule")), "lora: linear; full: cosine");
  EXPECT_EQ(default_text(find_setting("betas")), "lora: 0.9,0.999; full: 0.9,0.95");
  EXPECT_EQ(default_text(find_setting("keep_best")), "last");
  EXPECT_THAT(default_text(find_setting("steps")), IsEmpty());
}

}  // namespace
}  // namespace shorten::recipe
