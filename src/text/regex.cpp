// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

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

struct Regex::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Regex::Regex(std::string_view pattern, std::filesystem::path file, std::string where)
    : code_(std::make_unique<Code>()), pattern_(pattern), file_(std::move(file)), where_(std::move(where)) {
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
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Ruby's ^ and $ match at every line.
  const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options, &error,
                              &offset, nullptr);
  if (!code_->code) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(error, text, sizeof text);
    throw bad_input("a regular expression does not compile")
        .file(file_)
        .where(where_)
        .found(fmt::format("{}: {}", pattern_, reinterpret_cast<const char*>(text)));
  }
  pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);  // where it fails, matching is slower
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

struct Regex::Scanner::State {
  pcre2_match_data* data;
  pcre2_match_context* limits;

  State(const pcre2_code* code, size_t text_size)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)), limits(pcre2_match_context_create(nullptr)) {
    if (!data || !limits) {
      release();
      throw no_space("no memory for a regular expression");
    }
    const size_t limit = kMatchLimit + kMatchLimitPerByte * text_size;
    pcre2_set_match_limit(limits, static_cast<uint32_t>(std::min<size_t>(limit, UINT32_MAX)));
    pcre2_set_heap_limit(limits, kHeapLimitKib);
  }
  ~State() { release(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void release() {
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
  }
};

Regex::Scanner::Scanner(const Regex& regex, std::string_view text)
    : regex_(regex), text_(text), state_(std::make_unique<State>(regex.code_->code, text.size())) {}

Regex::Scanner::~Scanner() = default;

std::optional<Match> Regex::Scanner::next() {
  while (at_ <= text_.size()) {
    const auto match = [&](uint32_t options) {
      return pcre2_match(regex_.code_->code, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), at_,
                         options | PCRE2_NO_UTF_CHECK, state_->data, state_->limits);
    };
    int result = match(0);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(PCRE2_NO_JIT);
    if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (result < 0) {
      PCRE2_UCHAR text[256];
      pcre2_get_error_message(result, text, sizeof text);
      throw bad_input("a regular expression of the tokenizer takes too long on this text")
          .file(regex_.file_)
          .where(regex_.where_)
          .found(fmt::format("{} at byte {} of {}: {}", reinterpret_cast<const char*>(text), at_, text_.size(),
                             regex_.pattern_));
    }
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(state_->data);
    const Match found{offsets[0], offsets[1]};
    if (found.start == found.end && last_end_ == found.end) {
      at_ = found.end < text_.size() ? found.end + utf8_sequence_length(text_, found.end) : found.end + 1;
      continue;
    }
    at_ = found.end;
    last_end_ = found.end;
    return found;
  }
  return std::nullopt;
}

}  // namespace shorten::text
