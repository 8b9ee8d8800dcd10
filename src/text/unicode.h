// SPDX-License-Identifier: Apache-2.0
// What tokenizers need to know about Unicode: normal forms and three classes of characters.
#pragma once

#include <string>
#include <string_view>

namespace shorten::text {

constexpr std::string_view kMetaspace = "\xE2\x96\x81";  // "▁", which SentencePiece writes for a space

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// REQUIRES: well-formed UTF-8.
std::string to_normal_form(std::string_view text, NormalForm form);

bool is_numeric(char32_t c);  // general categories Nd, Nl, No
bool is_space(char32_t c);    // White_Space
bool is_word(char32_t c);     // what \w matches: letters, marks, digits, connectors, joiners

// Every maximal ill-formed part becomes one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace shorten::text
