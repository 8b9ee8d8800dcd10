// SPDX-License-Identifier: Apache-2.0
// One value of a setting: to JSON and back, from a request, checked, and as its default is told.
#include <fmt/format.h>

#include <tuple>

#include "core/error.h"
#include "recipe/settings_table.h"

namespace shorten::recipe {
namespace {

// What a run works out for itself may be larger than what can be asked for.
constexpr int64_t kMostDerived = int64_t{1} << 40;

template <typename Value>
const char* name_of(std::span<const Named<Value>> names, Value value) {
  for (const auto& entry : names) {
    if (entry.value == value) return entry.name;
  }
  return "";
}

struct Write {
  const Settings& s;

  Json operator()(const auto& kind) const { return s.*kind.at.used; }
  template <typename Value>
  Json operator()(const Choice<Value>& kind) const {
    return name_of(kind.names, s.*kind.at.used);
  }
  Json operator()(const NumberPair& kind) const { return {s.*kind.first, s.*kind.second}; }
};

struct Read {
  const Setting& setting;
  const JsonObject& json;
  Settings& s;

  void operator()(const Number& kind) const { s.*kind.at.used = json.number(setting.key); }
  void operator()(const NumberPair& kind) const {
    const std::vector<double> pair = json.numbers(setting.key);
    if (pair.size() != 2) throw json.error("not a pair", setting.key);
    s.*kind.first = pair[0];
    s.*kind.second = pair[1];
  }
  void operator()(const Count& kind) const {
    const int64_t high = setting.on_resume == OnResume::kDerived ? kMostDerived : kind.high;
    s.*kind.at.used = json.integer(setting.key, kind.low, high);
  }
  void operator()(const Unsigned& kind) const {
    const Json& value = json.at(setting.key);
    if (!value.is_number_unsigned()) throw json.error("not a whole number from 0", setting.key);
    s.*kind.at.used = value.get<uint64_t>();
  }
  void operator()(const Switch& kind) const { s.*kind.at.used = json.boolean(setting.key); }
  template <typename Value>
  void operator()(const Choice<Value>& kind) const {
    for (const auto& [value, name] : kind.names) {
      if (json.string(setting.key) != name) continue;
      s.*kind.at.used = value;
      return;
    }
    throw json.error("not a known value", setting.key).expected(names_of(kind.names));
  }
  void operator()(const NameList& kind) const {
    std::vector<std::string> names;
    for (const Json& name : json.array(setting.key)) {
      if (!name.is_string()) throw json.error("not a name", setting.key).found(name.dump());
      names.push_back(name.get<std::string>());
    }
    s.*kind.at.used = std::move(names);
  }
};

struct Take {
  const SettingsRequest& request;
  Settings& s;

  void operator()(const auto& kind) const {
    if (kind.at.asked && request.*kind.at.asked) s.*kind.at.used = *(request.*kind.at.asked);
  }
  void operator()(const NumberPair& kind) const {
    if (request.*kind.asked) std::tie(s.*kind.first, s.*kind.second) = *(request.*kind.asked);
  }
};

struct IsAsked {
  const SettingsRequest& request;

  bool operator()(const auto& kind) const { return kind.at.asked && (request.*kind.at.asked).has_value(); }
  bool operator()(const NumberPair& kind) const { return (request.*kind.asked).has_value(); }
};

std::string text_of(const Range& r) {
  if (r.above) return fmt::format("a number above {}, at most {}", r.low, r.high);
  if (r.below) return fmt::format("{} or more, below {}", r.low, r.high);
  return fmt::format("{} to {}", r.low, r.high);
}

// False for NaN.
bool contains(const Range& r, double value) {
  return (r.above ? value > r.low : value >= r.low) && (r.below ? value < r.high : value <= r.high);
}

// What was expected where a value lies outside of its range, else nothing.
struct Outside {
  const Settings& s;
  bool asked;

  std::string operator()(const auto&) const { return ""; }
  std::string operator()(const Number& kind) const {
    return contains(kind.range, s.*kind.at.used) ? "" : text_of(kind.range);
  }
  std::string operator()(const NumberPair& kind) const {
    return contains(kind.range, s.*kind.first) && contains(kind.range, s.*kind.second) ? "" : text_of(kind.range);
  }
  std::string operator()(const Count& kind) const {
    const int64_t value = s.*kind.at.used;
    const int64_t low = asked ? kind.least_asked : kind.low;
    return value >= low && value <= kind.high ? "" : fmt::format("{} to {}", low, kind.high);
  }
};

struct Show {
  const Settings& s;

  std::string operator()(const auto& kind) const { return fmt::format("{}", s.*kind.at.used); }
  std::string operator()(const NumberPair& kind) const { return fmt::format("{},{}", s.*kind.first, s.*kind.second); }
  std::string operator()(const NameList& kind) const { return fmt::format("{}", fmt::join(s.*kind.at.used, ",")); }
  std::string operator()(const Switch& kind) const { return name_of(kind.words, s.*kind.at.used); }
  template <typename Value>
  std::string operator()(const Choice<Value>& kind) const {
    return name_of(kind.names, s.*kind.at.used);
  }
};

}  // namespace

Json value_of(const Setting& setting, const Settings& settings) { return std::visit(Write{settings}, setting.kind); }

void read_value(const Setting& setting, const JsonObject& json, Settings& settings) {
  if (setting.older && !json.value().contains(setting.key)) {
    const Json older = {{setting.key, Json::parse(setting.older)}};
    std::visit(Read{setting, JsonObject(older, json.file()), settings}, setting.kind);
    return;
  }
  std::visit(Read{setting, json, settings}, setting.kind);
  if (setting.on_resume == OnResume::kDerived) return;
  if (const std::string expected = std::visit(Outside{settings, false}, setting.kind); !expected.empty())
    throw json.error("out of range", setting.key).expected(expected);
}

bool is_asked(const Setting& setting, const SettingsRequest& request) {
  return std::visit(IsAsked{request}, setting.kind);
}

void take_asked(const Setting& setting, const SettingsRequest& request, Settings& settings) {
  std::visit(Take{request, settings}, setting.kind);
}

void check_value(const Setting& setting, const Settings& settings, bool asked) {
  const std::string expected = std::visit(Outside{settings, asked}, setting.kind);
  if (expected.empty()) return;
  throw usage_error("a setting out of range")
      .field(setting.key)
      .expected(expected)
      .found(std::visit(Show{settings}, setting.kind));
}

std::string default_text(const Setting& setting) {
  if (setting.default_text) return setting.default_text;
  const std::string lora = std::visit(Show{defaults(Method::kLora)}, setting.kind);
  const std::string full = std::visit(Show{defaults(Method::kFull)}, setting.kind);
  const bool method = std::holds_alternative<Choice<Method>>(setting.kind);
  return method || lora == full ? lora : fmt::format("lora: {}; full: {}", lora, full);
}

}  // namespace shorten::recipe
