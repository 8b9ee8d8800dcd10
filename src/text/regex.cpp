// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "core/utf8.h"

namespace shorten::text {
namespace {

constexpr size_t kMaxPattern = 64 << 10;
constexpr size_t kMatchLimit = 1'000'000;  // backtracking steps of one match, besides some for every byte
constexpr size_t kMatchLimitPerByte = 4;
constexpr uint32_t kHeapLimitKib = 64 << 10;

// Copies `pattern`, replacing what Oniguruma's Ruby syntax and PCRE2 read differently. Returns what
// stood in the way, or an empty string.
class Translation {
 public:
  explicit Translation(std::string_view pattern) : in_(pattern) {}

  std::string run(std::string& out) {
    for (at_ = 0; at_ < in_.size() && problem_.empty(); ++at_) {
      if (in_[at_] == '\\') {
        escape(out);
      } else if (in_class_) {
        class_character(out);
      } else {
        character(out);
      }
    }
    return problem_;
  }

 private:
  bool follows(std::string_view text) const { return in_.substr(at_).starts_with(text); }

  void escape(std::string& out) {
    if (++at_ == in_.size()) {
      problem_ = "a backslash at the end";
      return;
    }
    const char c = in_[at_];
    switch (c) {
      case 's':  // PCRE2's \s has U+180E too
        out += "\\p{White_Space}";
        return;
      case 'S':
        out += "\\P{White_Space}";
        return;
      case 'v':  // a class of characters in PCRE2
        out += "\\x0b";
        return;
      case 'w':
        out += in_class_ ? "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}" : "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
        return;
      case 'u': {
        const std::string_view digits = in_.substr(at_ + 1, 4);
        if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
          problem_ = "\\u without four hexadecimal digits";
          return;
        }
        out += fmt::format("\\x{{{}}}", digits);
        at_ += 4;
        return;
      }
      default:
        break;
    }
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter_or_digit && std::string_view("pPdDrntfxAz").find(c) == std::string_view::npos) {
      problem_ = fmt::format("\\{}", c);
      return;
    }
    out += '\\';
    out += c;
    if ((c == 'p' || c == 'P' || c == 'x') && follows(fmt::format("{}{{", c))) {  // \p{L}
      const size_t end = std::min(in_.find('}', at_), in_.size() - 1);
      out += in_.substr(at_ + 1, end - at_);
      at_ = end;
    }
  }

  void class_character(std::string& out) {
    if (follows("[:")) {
      const size_t end = in_.find(":]", at_);
      if (end == std::string_view::npos) {
        problem_ = "[: without :]";
        return;
      }
      out += in_.substr(at_, end + 2 - at_);
      at_ = end + 1;
      return;
    }
    if (in_[at_] == '[') problem_ = "a class in a class";
    if (follows("&&")) problem_ = "&& in a class";
    if (in_[at_] == ']') in_class_ = false;
    out += in_[at_];
  }

  void character(std::string& out) {
    if (follows("(?m") || follows("(?x") || follows("(?~")) problem_ = std::string(in_.substr(at_, 3));
    if (follows("}+")) problem_ = "}+";  // possessive in PCRE2, a second repeat in Ruby
    out += in_[at_];
    if (in_[at_] != '[') return;
    in_class_ = true;
    if (at_ + 1 < in_.size() && in_[at_ + 1] == '^') out += in_[++at_];
  }

  std::string_view in_;
  size_t at_ = 0;
  bool in_class_ = false;
  std::string problem_;
};

}  // namespace

Regex::Regex(std::string_view pattern, std::filesystem::path file, std::string where)
    : pattern_(pattern), file_(std::move(file)), where_(std::move(where)) {
  if (pattern.size() > kMaxPattern) {
    throw bad_input("a regular expression is too long")
        .file(file_)
        .where(where_)
        .found(fmt::format("{} bytes", pattern.size()));
  }
  std::string translated;
  if (const std::string problem = Translation(pattern).run(translated); !problem.empty()) {
    throw unsupported("a regular expression uses what this version does not know")
        .file(file_)
        .where(where_)
        .found(fmt::format("{} in {}", problem, pattern));
  }
  try {
    // Ruby's ^ and $ match at every line.
    pcre_.emplace(translated, Pcre::Options{.lines = true, .unicode = true, .just_in_time = true});
  } catch (const PcreProblem& problem) {
    throw bad_input("a regular expression does not compile")
        .file(file_)
        .where(where_)
        .found(fmt::format("{}: {}", pattern_, problem.what));
  }
}

Regex::Scanner::Scanner(const Regex& regex, std::string_view text)
    : regex_(regex),
      text_(text),
      matcher_(*regex.pcre_, text, {kMatchLimit + kMatchLimitPerByte * text.size(), kHeapLimitKib}) {}

std::optional<Match> Regex::Scanner::next() {
  while (at_ <= text_.size()) {
    const std::optional<Match> found = find();
    if (!found) return std::nullopt;
    if (found->start == found->end && last_end_ == found->end) {
      at_ = found->end < text_.size() ? found->end + utf8_sequence_length(text_, found->end) : found->end + 1;
      continue;
    }
    at_ = found->end;
    last_end_ = found->end;
    return found;
  }
  return std::nullopt;
}

std::optional<Match> Regex::Scanner::find() {
  try {
    const auto found = matcher_.find(at_);
    return found ? std::optional(Match{found->first, found->second}) : std::nullopt;
  } catch (const PcreProblem& problem) {
    throw bad_input("a regular expression of the tokenizer takes too long on this text")
        .file(regex_.file_)
        .where(regex_.where_)
        .found(fmt::format("{} at byte {} of {}: {}", problem.what, at_, text_.size(), regex_.pattern_));
  }
}

}  // namespace shorten::text
