// SPDX-License-Identifier: Apache-2.0
// Which files hold the weights of a model directory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/file.h"

namespace shorten::checkpoint {

struct WeightFiles {
  fs::path index_file;                            // empty: one file, no index
  std::vector<std::string> names;                 // sorted
  std::map<std::string, std::string> weight_map;  // tensor → file name, of the index
};

// model.safetensors if it is there (as Transformers decides), else what model.safetensors.index.json
// lists. Throws bad_input that says what else lies there and how to convert it.
WeightFiles find_weight_files(const fs::path& dir);

}  // namespace shorten::checkpoint
