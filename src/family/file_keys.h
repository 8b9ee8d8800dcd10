// SPDX-License-Identifier: Apache-2.0
// Keys about models that several files of ours have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace shorten::family {

inline constexpr int64_t kMaxBlocks = 4096;  // of a model: far above any, and a file that names more is damaged

// The key "fingerprint" of `model`: "sha256:" and 64 hexadecimal digits. Throws bad_input.
std::string read_fingerprint(const JsonObject& model);

// The key `key`: different block indices, sorted. Throws bad_input.
std::vector<int> read_blocks(const JsonObject& json, std::string_view key);

}  // namespace shorten::family
