// SPDX-License-Identifier: Apache-2.0
// What the JSON files of ours have in common (docs/formats.md). Keys that are not known are ignored: the formats grow
// by new keys.
#pragma once

#include <string_view>

#include "core/file.h"
#include "core/json.h"

namespace shorten {

inline constexpr int kFileVersion = 1;

// Reads a file of ours, of reasonable size. Throws bad_input.
Json read_format(const fs::path& file);

// Throws bad_input unless `json` has this format and a version that we read.
void expect_format(const JsonObject& json, std::string_view format);

}  // namespace shorten
