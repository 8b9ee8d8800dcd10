// SPDX-License-Identifier: Apache-2.0
// What Python's str does, for texts whose rules were written in Python. All of it counts in code points.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shorten::python {

// REQUIRES for all: well-formed UTF-8.

bool is_space(char32_t c);  // str.isspace, \s of `re`: White_Space and U+001C to U+001F

std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);
std::string_view strip(std::string_view text);

int64_t length(std::string_view text);              // len(text)
std::string capitalize(std::string_view text);      // the first letter in title case, all others in lower case
std::string lower_first(std::string_view text);     // text[0].lower() + text[1:]
std::string_view drop_last(std::string_view text);  // text[:-1]

}  // namespace shorten::python
