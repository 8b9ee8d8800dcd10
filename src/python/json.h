// SPDX-License-Identifier: Apache-2.0
// JSON and numbers as Python writes them: the hashes in the harness's files are taken over such text, and what
// is the same should look the same in a diff.
#pragma once

#include <string>

#include "core/json.h"

namespace shorten::python {

// repr() of a float: the shortest digits that read back as the same number, "1.0", "1e-05", "inf", "nan".
std::string repr(double value);

// json.dumps(value, ensure_ascii=False), with indent=2 or on one line. Infinities and NaN are written as Python
// does it, which is no JSON: Infinity, -Infinity, NaN.
std::string dump_json(const Json& value, bool indented);

}  // namespace shorten::python
