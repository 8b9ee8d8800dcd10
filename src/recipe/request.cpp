// SPDX-License-Identifier: Apache-2.0
#include "recipe/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "recipe/settings_table.h"

namespace shorten::recipe {
namespace {

void take_all(const SettingsRequest& request, Settings& s) {
  for (const Setting& setting : settings_table()) {
    if (!is_asked(setting, request)) continue;
    take_asked(setting, request, s);
    check_value(setting, s, true);
  }
}

// In the order of the model, each once.
std::vector<std::string> chosen_targets(const std::vector<std::string>& asked, const std::vector<std::string>& known) {
  const auto expect = [&](bool good, const std::string& found) {
    if (good) return;
    throw usage_error("not a projection")
        .field("targets")
        .expected(fmt::format("{}", fmt::join(known, ", ")))
        .found(found);
  };
  expect(!asked.empty(), "none");
  for (const std::string& target : asked) expect(std::count(known.begin(), known.end(), target) > 0, target);
  std::vector<std::string> out;
  for (const std::string& target : known) {
    if (std::count(asked.begin(), asked.end(), target) > 0) out.push_back(target);
  }
  return out;
}

// What was asked for has a use with the rest.
void check_use(const SettingsRequest& request, const Settings& s) {
  const auto only = [](bool applies, const char* field, const char* when) {
    if (!applies) throw usage_error("a setting that has no effect here").field(field).expected(when);
  };
  for (const Setting& setting : settings_table()) {
    if (!is_asked(setting, request)) continue;
    if (setting.group == Group::kAdapter) only(s.method == Method::kLora, setting.key, "only with `method` lora");
    if (setting.group == Group::kTeaching) only(s.objective == Objective::kKd, setting.key, "only with `objective` kd");
  }
  only(s.pack || !s.average_micro, "pack", "only with `loss_average` batch: micro does not pack");
  only(!request.min_lr_ratio || s.schedule != Curve::kConstant, "min_lr_ratio", "only with a `schedule` that falls");
  if (s.average_micro && s.micro_batch == 0) {
    throw usage_error("the loss would depend on how much memory is free")
        .field("loss_average")
        .expected("`micro_batch` as well: its means are averaged");
  }
}

}  // namespace

Settings resolve(const SettingsRequest& request, const RequestContext& context) {
  Settings s = defaults(request.method.value_or(Method::kLora));
  s.objective = context.self_text ? Objective::kKd : Objective::kCe;
  s.targets = context.projections;
  take_all(request, s);
  if (request.targets) s.targets = chosen_targets(*request.targets, context.projections);
  check_use(request, s);
  check_decay(s);
  if (s.objective == Objective::kCe) s.kd_weight = 0;
  return s;
}

const Setting* first_fixed(const SettingsRequest& request) {
  for (const Setting& setting : settings_table()) {
    if (setting.on_resume != OnResume::kFree && is_asked(setting, request)) return &setting;
  }
  return nullptr;
}

const Setting* first_difference(const SettingsRequest& request, const Settings& given, const Settings& begun) {
  for (const Setting& setting : settings_table()) {
    const bool compared = setting.on_resume == OnResume::kFixed ||
                          (setting.on_resume == OnResume::kDerived && is_asked(setting, request));
    if (compared && value_of(setting, given) != value_of(setting, begun)) return &setting;
  }
  return nullptr;
}

bool take_changes(const SettingsRequest& request, Settings& settings) {
  bool changed = false;
  for (const Setting& setting : settings_table()) {
    if (setting.on_resume != OnResume::kFree || !is_asked(setting, request)) continue;
    const Json before = value_of(setting, settings);
    take_asked(setting, request, settings);
    check_value(setting, settings, true);
    if (value_of(setting, settings) == before) continue;
    if (settings.average_micro && setting.key != std::string_view("recompute")) {
      throw usage_error("with `loss_average` micro the loss depends on the micro-batch")
          .field(setting.key)
          .help("leave it as it was, or start over with `force`");
    }
    changed = true;
  }
  return changed;
}

}  // namespace shorten::recipe
