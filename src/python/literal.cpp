// SPDX-License-Identifier: Apache-2.0
#include "python/literal.h"

#include <fmt/format.h>

#include <charconv>

#include "core/utf8.h"

namespace shorten::python {
namespace {

constexpr int kMaxDepth = 16;

class Parser {
 public:
  Parser(std::string_view text, const Error& error) : text_(text), error_(error) {}

  Json whole() {
    Json out = value(0);
    skip_space();
    if (at_ != text_.size()) fail("the end");
    return out;
  }

 private:
  [[noreturn]] void fail(std::string expected) const {
    Error error = error_;
    error.expected(fmt::format("{} at offset {}", expected, at_))
        .found(at_ < text_.size() ? printable(text_.substr(at_), 40) : "the end");
    throw error;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Json value(int depth) {
    if (depth > kMaxDepth) fail(fmt::format("at most {} levels", kMaxDepth));
    skip_space();
    if (take("[")) return list(']', depth);
    if (take("(")) return list(')', depth);
    if (take("{")) return dictionary(depth);
    if (peek() == '\'' || peek() == '"') return string();
    if (take("None")) return nullptr;
    if (take("True")) return true;
    if (take("False")) return false;
    return integer();
  }

  // After an element: whether another follows. A comma may stand before the end.
  bool more(char end) {
    skip_space();
    const bool comma = take(",");
    skip_space();
    if (take({&end, 1})) return false;
    if (!comma) fail(fmt::format("\",\" or \"{}\"", end));
    return true;
  }

  Json list(char end, int depth) {
    Json out = Json::array();
    skip_space();
    if (take({&end, 1})) return out;
    do out.push_back(value(depth + 1));
    while (more(end));
    return out;
  }

  Json dictionary(int depth) {
    Json out = Json::object();
    skip_space();
    if (take("}")) return out;
    do {
      if (peek() != '\'' && peek() != '"') fail("a string as key");
      const std::string key = string();
      skip_space();
      if (!take(":")) fail("\":\"");
      if (out.contains(key)) fail("each key once");
      out[key] = value(depth + 1);
    } while (more('}'));
    return out;
  }

  std::string string() {
    const char quote = text_[at_++];
    std::string out;
    while (peek() != quote) {
      if (at_ >= text_.size() || peek() == '\n') fail("the end of a string");
      if (peek() == '\\') {
        escape(out);
      } else {
        out += text_[at_++];
      }
    }
    ++at_;
    return out;
  }

  void escape(std::string& out) {
    constexpr std::string_view kLetters = "ntr\\'\"", kMeanings = "\n\t\r\\'\"";
    ++at_;
    const char letter = peek();
    if (const size_t i = kLetters.find(letter); at_ < text_.size() && i != std::string_view::npos) {
      out += kMeanings[i];
      ++at_;
      return;
    }
    const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    uint32_t code = 0;
    const std::string_view hex = text_.substr(std::min(at_ + 1, text_.size()), digits);
    const auto [end, failed] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (digits == 0 || hex.size() != digits || failed != std::errc() || end != hex.data() + hex.size() || surrogate ||
        code > 0x10FFFF) {
      fail("an escape as repr() writes it");
    }
    utf8_append(out, code);
    at_ += 1 + digits;
  }

  Json integer() {
    int64_t number = 0;
    const auto [end, failed] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    if (failed != std::errc()) fail("a value");
    at_ = static_cast<size_t>(end - text_.data());
    return number;
  }

  std::string_view text_;
  const Error& error_;
  size_t at_ = 0;
};

}  // namespace

Json parse_literal(std::string_view text, const Error& error) { return Parser(text, error).whole(); }

}  // namespace shorten::python
