// SPDX-License-Identifier: Apache-2.0
// What the parts of tokenizer.json have in common: each is null or an object with a "type"; a
// "Sequence" holds several.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/json.h"

namespace shorten::text {

// Calls `visit` with every part that is not a Sequence, in order. `name` ("normalizer") is for errors,
// `list_key` ("normalizers") is where a Sequence keeps its parts.
void for_each_part(
    const Json& value, const std::filesystem::path& file, std::string_view name, std::string_view list_key,
    const std::function<void(const JsonObject&, const std::string& type, const std::string& where)>& visit);

// To be thrown for a part of a type, or with a setting, that this version does not know.
Error unknown_part(const std::filesystem::path& file, const std::string& where, std::string_view found,
                   std::initializer_list<std::string_view> known);

// "pattern": {"String": "..."} or {"Regex": "..."}.
struct Pattern {
  bool is_regex;
  std::string text;
};
Pattern parse_pattern(const JsonObject& part, const std::string& where);

}  // namespace shorten::text
