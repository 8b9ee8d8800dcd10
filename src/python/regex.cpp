// SPDX-License-Identifier: Apache-2.0
#include "python/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "core/error.h"

namespace shorten::python {
namespace {

constexpr size_t kMaxPattern = 16 << 10;
constexpr uint32_t kMatchLimit = 100'000;  // backtracking steps of one match; there are some for each module
constexpr uint32_t kHeapLimitKib = 16 << 10;

std::string message_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

// What Python does not know, or reads in another way, and PCRE2 would take; empty if there is nothing of the kind.
std::string foreign(std::string_view pattern) {
  // Escapes that are letters. \Z is Python's very end, and PCRE2's also in front of a last newline; \v is one
  // character there and a class here: paths of modules have no white space.
  constexpr std::string_view kEscapes = "AbBdDsSwWZafnrtvx";
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && ++i < pattern.size()) {
      const char c = pattern[i];
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (letter && kEscapes.find(c) == std::string_view::npos) return fmt::format("\\{}", c);
      continue;
    }
    for (const std::string_view text : {"{,", "[:", "(*"}) {
      if (pattern.substr(i).starts_with(text)) return std::string(text);
    }
  }
  return "";
}

}  // namespace

Regex::Regex(const JsonObject& config, std::string_view key, const std::string& pattern)
    : file_(config.file()), key_(key), pattern_(pattern) {
  if (pattern.size() > kMaxPattern) throw refused(fmt::format("{} bytes", pattern.size()));
  if (const std::string what = foreign(pattern); !what.empty()) throw refused(what);
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF;
  code_.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, nullptr),
      [](const pcre2_code* code) { pcre2_code_free(const_cast<pcre2_code*>(code)); });
  if (!code_) throw refused(message_of(error));
}

bool Regex::matches(std::string_view path) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
      pcre2_match_data_create_from_pattern(code_.get(), nullptr), &pcre2_match_data_free);
  const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> limits(
      pcre2_match_context_create(nullptr), &pcre2_match_context_free);
  if (!data || !limits) throw no_space("no memory for a regular expression");
  pcre2_set_match_limit(limits.get(), kMatchLimit);
  pcre2_set_heap_limit(limits.get(), kHeapLimitKib);
  const int result =
      pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(path.data()), path.size(), 0, 0, data.get(), limits.get());
  if (result < 0 && result != PCRE2_ERROR_NOMATCH) throw refused(message_of(result));
  return result != PCRE2_ERROR_NOMATCH;
}

Error Regex::refused(const std::string& why) const {
  return unsupported("a regular expression that is not read here")
      .file(file_)
      .where(fmt::format("key \"{}\"", key_))
      .found(fmt::format("{}: {}", printable(pattern_, 60), why));
}

}  // namespace shorten::python
