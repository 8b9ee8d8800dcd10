// SPDX-License-Identifier: Apache-2.0
// The "pre_tokenizer" of tokenizer.json: cuts a text into the words that the model sees one by one.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "text/regex.h"

namespace shorten::text {

// What becomes of the matches of a Split.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitPattern {
  std::variant<std::string, Regex> pattern;
  SplitBehavior behavior;
  bool invert;
};
struct ByteLevel {
  bool add_prefix_space;
  std::optional<Regex> words;  // GPT-2's pattern, with "use_regex"
};
struct SplitDigits {
  bool one_by_one;
};
enum class PrependScheme { kAlways, kFirst, kNever };
struct Metaspace {
  std::string replacement;  // of spaces
  PrependScheme prepend;
  bool split;
};
using PreTokenizer = std::variant<SplitPattern, ByteLevel, SplitDigits, Metaspace>;

// Throws unsupported for a type or a setting that is not known.
std::vector<PreTokenizer> parse_pre_tokenizer(const Json& value, const std::filesystem::path& file);

PrependScheme parse_prepend_scheme(const JsonObject& part, const std::string& where);

struct Piece {
  std::string_view text;
  bool at_start;  // it begins the whole text
};
using PieceSink = std::function<void(const Piece&)>;

// Calls `sink` with the words of `piece` in order, none of them empty.
void pre_tokenize(std::span<const PreTokenizer> steps, const Piece& piece, const PieceSink& sink);

}  // namespace shorten::text
