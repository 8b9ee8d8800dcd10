// SPDX-License-Identifier: Apache-2.0
// config.json after blocks have gone.
#pragma once

#include <string>
#include <vector>

#include "core/file.h"

namespace shorten::family {

// config.json for the kept blocks: the text of the original with only the necessary values replaced
// (num_hidden_layers, layer_types, max_window_layers). Order of keys, unknown keys and layout stay.
// Throws unsupported for a setting that the removal would change and that cannot be edited exactly.
std::string edit_config(const std::string& text, const fs::path& file, int64_t blocks, const std::vector<int>& kept);

}  // namespace shorten::family
