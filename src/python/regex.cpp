// SPDX-License-Identifier: Apache-2.0
#include "python/regex.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::python {
namespace {

constexpr size_t kMaxPattern = 16 << 10;
constexpr uint32_t kMatchLimit = 100'000;  // backtracking steps of one match; there are some for each module
constexpr uint32_t kHeapLimitKib = 16 << 10;

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
  try {
    pcre_.emplace(pattern, text::Pcre::Options{.whole = true});
  } catch (const text::PcreProblem& problem) {
    throw refused(problem.what);
  }
}

bool Regex::matches(std::string_view path) const {
  try {
    return text::Pcre::Matcher(*pcre_, path, {kMatchLimit, kHeapLimitKib}).find(0).has_value();
  } catch (const text::PcreProblem& problem) {
    throw refused(problem.what);
  }
}

Error Regex::refused(const std::string& why) const {
  return unsupported("a regular expression that is not read here")
      .file(file_)
      .where(fmt::format("key \"{}\"", key_))
      .found(fmt::format("{}: {}", printable(pattern_, 60), why));
}

}  // namespace shorten::python
