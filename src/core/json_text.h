// SPDX-License-Identifier: Apache-2.0
// JSON as text: checked without building a tree, walked member by member, edited in place so that every
// byte that need not change stays (order of keys, unknown keys, layout, the spelling of numbers), and
// written for people to read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace shorten {

constexpr int kMaxJsonDepth = 64;  // levels of nesting

// Throws bad_input unless `text` is one JSON value: UTF-8 without a byte-order mark, no NUL, nested at
// most kMaxJsonDepth levels, with at most `max_keys` keys in all its objects. Takes linear time, so it is fit for
// headers of 100 MB; parse_json, whose objects look every new key up among the others, is not, and needs
// `max_keys` before it. Duplicate keys are for the caller, who knows which objects matter.
void check_json_text(std::string_view text, const std::filesystem::path& file, const std::string& where = "",
                     size_t max_keys = SIZE_MAX);

// One member of an object. `value` is a part of the text it was found in.
struct JsonMember {
  std::string key;  // without escapes
  std::string_view value;
};

// REQUIRES for the walkers and editors below: `text` has passed check_json_text, or parse_json and has no
// byte-order mark.
std::vector<JsonMember> json_members(std::string_view text);         // of an object, in order
std::vector<std::string_view> json_elements(std::string_view text);  // of an array, in order

char json_kind(std::string_view text);           // its first character: { [ " or that of a number, true, false, null
std::string json_string(std::string_view text);  // of a string, without quotes and escapes

// The value of `key` in the object `text`, as it is written there.
std::optional<std::string_view> find_json_value(std::string_view text, std::string_view key);

// `text` with `part`, which must be a view into it, replaced.
std::string replace_part(std::string_view text, std::string_view part, std::string_view replacement);

// The array `text` with only the elements whose indices are in `kept` (ascending); the layout, one
// line or an element a line, stays.
std::string keep_json_elements(std::string_view text, const std::vector<int>& kept);

// `value` indented by two spaces, with what fits on a line of 100 columns on one line, and a line feed at
// the end: a list of scores is a line, not a page.
std::string readable_json(const Json& value);

}  // namespace shorten
