// SPDX-License-Identifier: Apache-2.0
// Every setting of a training run, said once: its key, where it lies, what it may be, what it means, and what happens
// to it when a run goes on. Files, checks, options with their help, and the rules of going on come from this table. A
// new setting is a member of Settings, one of SettingsRequest, and an entry here; with `older`, so that saved runs go
// on.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "recipe/names.h"
#include "recipe/request.h"

namespace shorten::recipe {

// Where a value lies in what a run uses and in what was asked for; null there if it cannot be asked for.
template <typename Value>
struct Member {
  Value Settings::*used;
  std::optional<Value> SettingsRequest::*asked;
};

struct Range {
  double low, high;
  bool above = false, below = false;  // without its ends
};

struct Number {
  Member<double> at;
  Range range;
};
struct NumberPair {  // two members that are one value elsewhere
  double Settings::*first;
  double Settings::*second;
  std::optional<std::pair<double, double>> SettingsRequest::*asked;
  Range range;
};
struct Count {
  Member<int64_t> at;
  int64_t low, high;
  int64_t least_asked = low;  // where the lowest value stands for what was not asked for
};
struct Unsigned {
  Member<uint64_t> at;
  bool bytes = false;  // may be asked for as 20GB
};
struct Switch {
  Member<bool> at;
  std::span<const Named<bool>> words = {};  // how it is asked for, if not by turning over the default
};
template <typename Value>
struct Choice {
  Member<Value> at;
  std::span<const Named<Value>> names;
};
struct NameList {
  Member<std::vector<std::string>> at;
};

using Kind = std::variant<Number, NumberPair, Count, Unsigned, Switch, Choice<bool>, Choice<Method>, Choice<Objective>,
                          Choice<Curve>, Choice<Recompute>, NameList>;

enum class Group {
  kNone,  // asked for elsewhere, or not at all
  kRows,  // how rows are used
  kMethod,
  kTeaching,  // only where the parent teaches
  kAdapter,   // only with LoRA
  kSteps,
  kOptimizer,
  kMemory,
  kWatching,
};

enum class OnResume {
  kFixed,    // stays what it was
  kDerived,  // if it was not asked for, the run worked it out from something else
  kFree,     // may change: a matter of memory, not of the result
};

struct Setting {
  const char* key;  // in files, and the field that an error names
  Kind kind;
  Group group = Group::kNone;
  const char* placeholder = "";        // for the value in a help text: "RATE"
  const char* help = "";               // plain English, other fields in backquotes
  const char* default_text = nullptr;  // if there is more to say than the value
  OnResume on_resume = OnResume::kFixed;
  const char* older = nullptr;  // JSON: how versions behaved that did not have it; without, all did
};

// In the order of files.
std::span<const Setting> settings_table();
const Setting& find_setting(std::string_view key);  // REQUIRES: it is there

Json value_of(const Setting& setting, const Settings& settings);

// Reads one value of a saved file; throws bad_input that names the key.
void read_value(const Setting& setting, const JsonObject& json, Settings& settings);

bool is_asked(const Setting& setting, const SettingsRequest& request);
void take_asked(const Setting& setting, const SettingsRequest& request, Settings& settings);

// Throws usage_error that names the field unless the value lies in its range; of what was asked for, `asked`.
void check_value(const Setting& setting, const Settings& settings, bool asked = false);

// The one rule between two: a step takes less from a weight than there is.
void check_decay(const Settings& settings);

// Going on with a run. What may change when it does is passed over, and null is returned if nothing is left:
// the first setting that is asked for,
const Setting* first_fixed(const SettingsRequest& request);
// and the first in which `given`, to which the request was resolved, is not what the run was begun with.
const Setting* first_difference(const SettingsRequest& request, const Settings& given, const Settings& begun);

// "8"; "lora: linear; full: cosine". Empty for what has no default.
std::string default_text(const Setting& setting);

}  // namespace shorten::recipe
