// SPDX-License-Identifier: Apache-2.0
// Upper and lower case by the full mappings of Unicode (SpecialCasing.txt): one letter may become several.
#pragma once

#include <string>
#include <string_view>

namespace shorten::python {

// The letter as it begins a word: "ß" → "Ss".
std::u32string title_case(char32_t c);

// text[at] in lower case. A Greek capital sigma depends on its neighbours: at the end of a word it is "ς".
std::u32string lower_case(std::u32string_view text, size_t at);

}  // namespace shorten::python
