// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "core/utf8.h"

namespace shorten::text {
namespace {

void append_mapped(std::string& out, std::string_view text, int options) {
  if (text.empty()) return;
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw no_space("no memory to normalize a text");
  if (length < 0) throw bad_input("a text cannot be normalized").found(utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
}

// Nothing below U+0300 composes with what is before it, so only runs of characters from there on,
// each with the one character in front, can change.
std::string to_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t copied = 0;  // text up to here is in `out`
  size_t previous = 0;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xCC) {  // U+0300 is CC 80
      previous = at;
      at += static_cast<unsigned char>(text[at]) < 0x80 ? 1 : 2;
      continue;
    }
    size_t end = at;
    while (end < text.size() && static_cast<unsigned char>(text[end]) >= 0xCC) end += utf8_sequence_length(text, end);
    const size_t start = std::max(previous, copied);
    out.append(text, copied, start - copied);
    append_mapped(out, text.substr(start, end - start), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    copied = previous = at = end;
  }
  out.append(text, copied);
  return out;
}

}  // namespace

std::string to_normal_form(std::string_view text, NormalForm form) {
  if (form == NormalForm::kNfc) return to_nfc(text);
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::kNfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form != NormalForm::kNfd) options |= UTF8PROC_COMPAT;
  std::string out;
  append_mapped(out, text, options);
  return out;
}

bool is_numeric(char32_t c) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:  // joiners, and the symbols that are letters (circled, squared)
      return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
             (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
  }
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    if (const size_t length = utf8_sequence_length(bytes, at); length > 0) {
      out.append(bytes, at, length);
      at += length;
      continue;
    }
    utf8_append(out, 0xFFFD);
    // The maximal part: as many bytes as could still have begun a well-formed sequence.
    size_t part = 1;
    const auto first = static_cast<unsigned char>(bytes[at]);
    const size_t wanted = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 && first < 0xF0 ? 3 : 1;
    while (part + 1 < wanted && at + part < bytes.size()) {
      const std::string completed = std::string(bytes.substr(at, part + 1)) + std::string(wanted - part - 1, '\x80');
      if (utf8_sequence_length(completed, 0) == 0) break;
      ++part;
    }
    at += part;
  }
  return out;
}

}  // namespace shorten::text
