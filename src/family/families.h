// SPDX-License-Identifier: Apache-2.0
// The list of families. To add one: a file in this folder and a line in families.cpp.
#pragma once

#include <span>
#include <string_view>

#include "family/spec.h"

namespace shorten::family {

struct Family {
  std::string_view model_type;  // as config.json names it
  ModelSpec (*read)(const JsonObject& config);
};

std::span<const Family> families();

ModelSpec read_llama(const JsonObject& config);
ModelSpec read_mistral(const JsonObject& config);
ModelSpec read_qwen2(const JsonObject& config);
ModelSpec read_qwen3(const JsonObject& config);

}  // namespace shorten::family
