// SPDX-License-Identifier: Apache-2.0
// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shorten {

// Bytes of the well-formed sequence that starts at `text[at]` (1 to 4), or 0 if there is none.
size_t utf8_sequence_length(std::string_view text, size_t at);

// Offset of the first byte that is not part of a well-formed sequence, or npos.
size_t find_invalid_utf8(std::string_view text);

// The code point at `text[at]`, whose sequence has `length` bytes. REQUIRES: a well-formed sequence.
char32_t utf8_decode(std::string_view text, size_t at, size_t length);

void utf8_append(std::string& out, char32_t code_point);

}  // namespace shorten
