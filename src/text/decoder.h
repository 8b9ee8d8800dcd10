// SPDX-License-Identifier: Apache-2.0
// The "decoder" of tokenizer.json: token strings → text.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/json.h"
#include "text/normalizer.h"

namespace shorten::text {

struct DecodeReplace {
  std::variant<ReplaceString, ReplaceRegex> replace;
};
struct DecodeByteFallback {};
struct DecodeFuse {};
struct DecodeStrip {
  std::string character;
  int64_t start, stop;  // how many at most
};
struct DecodeByteLevel {};
struct DecodeMetaspace {
  std::string replacement;
  bool prefix;  // a space was put in front of the text
};
using Decoder =
    std::variant<DecodeReplace, DecodeByteFallback, DecodeFuse, DecodeStrip, DecodeByteLevel, DecodeMetaspace>;

// Absent for null: then tokens are joined with spaces. Throws unsupported for a type that is not known.
std::optional<std::vector<Decoder>> parse_decoder(const Json& value, const std::filesystem::path& file);

std::string decode_tokens(const std::optional<std::vector<Decoder>>& steps, std::vector<std::string> tokens);

}  // namespace shorten::text
