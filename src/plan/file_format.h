// SPDX-License-Identifier: Apache-2.0
// What scores.json, plan.json and shorten.json have in common. Keys that are not known are ignored:
// the formats grow by new keys (docs/formats.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/json.h"

namespace shorten::plan {

inline constexpr int kFileVersion = 1;
inline constexpr int64_t kMaxBlocks = 4096;

// Reads a file of ours, of reasonable size. Throws bad_input.
Json read_format(const fs::path& file);

// Throws bad_input unless `json` has this format and a version that we read.
void expect_format(const JsonObject& json, std::string_view format);

// The key "fingerprint" of `model`: "sha256:" and 64 hexadecimal digits.
std::string read_fingerprint(const JsonObject& model);

// The key `key`: different block indices, sorted.
std::vector<int> read_blocks(const JsonObject& json, std::string_view key);

}  // namespace shorten::plan
