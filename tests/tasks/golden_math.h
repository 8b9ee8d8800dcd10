// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/json.h"
#include "test_data.h"

namespace shorten::test {

// What Python, numpy and scipy compute: golden/tasks_math/make.py.
inline const Json& golden_math(const std::string& part) {
  static const Json values = read_json(source_dir() / "tests/golden/tasks_math/values.json");
  return values.at(part);
}

}  // namespace shorten::test
