// SPDX-License-Identifier: Apache-2.0
// What the choices of a training run are called, on the command line as in files.
#pragma once

#include <span>
#include <string>

#include "recipe/settings.h"

namespace shorten::recipe {

template <typename Value>
struct Named {
  Value value;
  const char* name;
};

inline constexpr Named<Method> kMethods[] = {{Method::kLora, "lora"}, {Method::kFull, "full"}};
inline constexpr Named<Objective> kObjectives[] = {{Objective::kCe, "ce"}, {Objective::kKd, "kd"}};
inline constexpr Named<Curve> kCurves[] = {
    {Curve::kLinear, "linear"}, {Curve::kCosine, "cosine"}, {Curve::kConstant, "constant"}};
inline constexpr Named<Recompute> kRecompute[] = {
    {Recompute::kAuto, "auto"}, {Recompute::kOn, "on"}, {Recompute::kOff, "off"}};
inline constexpr Named<bool> kKept[] = {{false, "last"}, {true, "best"}};        // whether the best weights come out
inline constexpr Named<bool> kAverages[] = {{false, "batch"}, {true, "micro"}};  // whether micro-batches are averaged

// "ce, kd"
template <typename Value>
std::string names_of(std::span<const Named<Value>> names) {
  std::string out;
  for (const auto& entry : names) out += (out.empty() ? "" : ", ") + std::string(entry.name);
  return out;
}

}  // namespace shorten::recipe
