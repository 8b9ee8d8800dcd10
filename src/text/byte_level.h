// SPDX-License-Identifier: Apache-2.0
// The printable alphabet of byte-level BPE (GPT-2): every byte is written as one character, so that a
// vocabulary of strings can hold any bytes. Printable Latin-1 stands for itself, the other 68 bytes for
// U+0100 and up.
#pragma once

#include <string>
#include <string_view>

namespace shorten::text {

void append_byte_level(std::string& out, std::string_view bytes);

// The bytes that `token` stands for. False, and nothing appended, if it has a character that is not of
// the alphabet.
bool append_from_byte_level(std::string& out, std::string_view token);

}  // namespace shorten::text
