// SPDX-License-Identifier: Apache-2.0
// What lies in a model directory beside config.json and the weights: tokenizer, licence, model card.
#pragma once

#include <vector>

#include "core/file.h"

namespace shorten::prune {

// The files of `dir` that go into a shorter model unchanged, sorted. Not among them: weights of any
// format and their indices, adapters, config.json, shorten.json, hidden files and subfolders. Throws
// bad_input for a link that checkpoint::model_file does not follow.
std::vector<fs::path> files_to_copy(const fs::path& dir);

}  // namespace shorten::prune
