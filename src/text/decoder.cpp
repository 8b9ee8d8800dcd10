// SPDX-License-Identifier: Apache-2.0
#include "text/decoder.h"

#include <fmt/format.h>

#include "core/utf8.h"
#include "text/byte_level.h"
#include "text/parts.h"
#include "text/pre_tokenizer.h"

namespace shorten::text {
namespace {

using Tokens = std::vector<std::string>;

Tokens run(const DecodeReplace& step, Tokens tokens) {
  for (std::string& token : tokens) {
    token = std::visit([&](const auto& replace) { return replace_all(token, replace); }, step.replace);
  }
  return tokens;
}

// The byte of a token like <0x0A>, or -1.
int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  const int high = digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Tokens run(const DecodeByteFallback&, const Tokens& tokens) {
  Tokens out;
  std::string bytes;
  const auto flush = [&] {
    if (find_invalid_utf8(bytes) == std::string::npos) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");  // U+FFFD for every byte
    }
    bytes.clear();
  };
  for (const std::string& token : tokens) {
    if (const int byte = fallback_byte(token); byte >= 0) {
      bytes += static_cast<char>(byte);
      continue;
    }
    if (!bytes.empty()) flush();
    out.push_back(token);
  }
  if (!bytes.empty()) flush();
  return out;
}

Tokens run(const DecodeFuse&, const Tokens& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  return {std::move(all)};
}

Tokens run(const DecodeStrip& step, Tokens tokens) {
  const size_t width = step.character.size();
  for (std::string& token : tokens) {
    std::string_view kept = token;
    for (int64_t i = 0; i < step.start && kept.starts_with(step.character); ++i) kept.remove_prefix(width);
    for (int64_t i = 0; i < step.stop && kept.ends_with(step.character); ++i) kept.remove_suffix(width);
    token = std::string(kept);
  }
  return tokens;
}

Tokens run(const DecodeByteLevel&, const Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) {
    if (!append_from_byte_level(bytes, token)) bytes += token;  // an added token is text already
  }
  return {replace_invalid_utf8(bytes)};
}

Tokens run(const DecodeMetaspace& step, Tokens tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = replace_all(tokens[i], step.replacement, i == 0 && step.prefix ? "" : " ");
  }
  return tokens;
}

}  // namespace

std::optional<std::vector<Decoder>> parse_decoder(const Json& value, const std::filesystem::path& file) {
  if (value.is_null()) return std::nullopt;
  std::vector<Decoder> steps;
  for_each_part(
      value, file, "decoder", "decoders",
      [&](const JsonObject& part, const std::string& type, const std::string& where) {
        if (type == "Replace") {
          Pattern pattern = parse_pattern(part, where);
          const std::string& with = part.string("content");
          if (pattern.is_regex) {
            steps.emplace_back(DecodeReplace{ReplaceRegex{Regex(pattern.text, file, where), with}});
          } else {
            steps.emplace_back(DecodeReplace{ReplaceString{std::move(pattern.text), with}});
          }
        } else if (type == "ByteFallback") {
          steps.emplace_back(DecodeByteFallback{});
        } else if (type == "Fuse") {
          steps.emplace_back(DecodeFuse{});
        } else if (type == "Strip") {
          DecodeStrip step{part.string("content"), part.integer("start", 0, INT32_MAX),
                           part.integer("stop", 0, INT32_MAX)};
          if (step.character.empty()) throw part.error("nothing to strip", "content");
          steps.emplace_back(std::move(step));
        } else if (type == "ByteLevel") {
          steps.emplace_back(DecodeByteLevel{});
        } else if (type == "Metaspace") {
          DecodeMetaspace step{part.string("replacement"), parse_prepend_scheme(part, where) != PrependScheme::kNever};
          if (step.replacement.empty()) throw part.error("an empty replacement", "replacement");
          steps.emplace_back(std::move(step));
        } else {
          throw unknown_part(file, where, type,
                             {"Sequence", "Replace", "ByteFallback", "Fuse", "Strip", "ByteLevel", "Metaspace"});
        }
      });
  return steps;
}

std::string decode_tokens(const std::optional<std::vector<Decoder>>& steps, std::vector<std::string> tokens) {
  if (!steps) return fmt::format("{}", fmt::join(tokens, " "));
  for (const Decoder& step : *steps) {
    tokens = std::visit([&](const auto& s) { return run(s, tokens); }, step);
  }
  return fmt::format("{}", fmt::join(tokens, ""));
}

}  // namespace shorten::text
