// SPDX-License-Identifier: Apache-2.0
// Values as Python's repr() writes them: one data set (race) keeps lists of dictionaries so, in a string.
#pragma once

#include <string_view>

#include "core/error.h"
#include "core/json.h"

namespace shorten::python {

// Lists, tuples, dictionaries with string keys, strings, integers, True, False, None.
// Throws `error`, completed with where in the text it stopped. REQUIRES: well-formed UTF-8.
Json parse_literal(std::string_view text, const Error& error);

}  // namespace shorten::python
