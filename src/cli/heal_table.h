// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/file.h"
#include "core/json.h"

namespace shorten::cli {

// What `heal` shows of heal.json and of what lies in the folder of the run.
std::string heal_table(const Json& report, const fs::path& run);

}  // namespace shorten::cli
