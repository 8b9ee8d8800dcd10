// SPDX-License-Identifier: Apache-2.0
// The "normalizer" of tokenizer.json: what is done to a text before it is cut into words.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace shorten::text {

struct PrependText {
  std::string text;
};
struct ReplaceString {
  std::string what, with;
};
struct ReplaceRegex {
  Regex what;
  std::string with;
};
struct Normalize {
  NormalForm form;
};
struct StripSpace {
  bool left, right;
};
using Normalizer = std::variant<PrependText, ReplaceString, ReplaceRegex, Normalize, StripSpace>;

// The steps of the JSON value (null: none). Throws unsupported for a type that is not known.
std::vector<Normalizer> parse_normalizer(const Json& value, const std::filesystem::path& file);

std::string normalize(const std::vector<Normalizer>& steps, std::string_view text);

std::string replace_all(std::string_view text, const ReplaceString& replace);
std::string replace_all(std::string_view text, const ReplaceRegex& replace);

// All occurrences of `what`, left to right. REQUIRES: `what` is not empty.
std::string replace_all(std::string_view text, std::string_view what, std::string_view with);

}  // namespace shorten::text
