// SPDX-License-Identifier: Apache-2.0
#include "python/text.h"

#include "core/utf8.h"
#include "python/letter_case.h"
#include "text/unicode.h"

namespace shorten::python {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Where the last code point begins. REQUIRES: text is not empty.
size_t last_start(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && is_continuation(text[at])) --at;
  return at;
}

std::u32string decode(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    const size_t n = utf8_sequence_length(text, at);
    out += utf8_decode(text, at, n);
    at += n;
  }
  return out;
}

void append(std::string& out, std::u32string_view text) {
  for (const char32_t c : text) utf8_append(out, c);
}

}  // namespace

bool is_space(char32_t c) { return text::is_space(c) || (c >= 0x1C && c <= 0x1F); }

std::string_view lstrip(std::string_view text) {
  while (!text.empty()) {
    const size_t n = utf8_sequence_length(text, 0);
    if (!is_space(utf8_decode(text, 0, n))) break;
    text.remove_prefix(n);
  }
  return text;
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    const size_t at = last_start(text);
    if (!is_space(utf8_decode(text, at, text.size() - at))) break;
    text = text.substr(0, at);
  }
  return text;
}

std::string_view strip(std::string_view text) { return lstrip(rstrip(text)); }

int64_t length(std::string_view text) {
  int64_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

std::string capitalize(std::string_view text) {
  const std::u32string all = decode(text);
  std::string out;
  for (size_t i = 0; i < all.size(); ++i) append(out, i == 0 ? title_case(all[0]) : lower_case(all, i));
  return out;
}

std::string lower_first(std::string_view text) {
  if (text.empty()) return "";
  const size_t n = utf8_sequence_length(text, 0);
  std::string out;
  append(out, lower_case(decode(text.substr(0, n)), 0));
  return out.append(text.substr(n));
}

std::string_view drop_last(std::string_view text) { return text.empty() ? text : text.substr(0, last_start(text)); }

}  // namespace shorten::python
