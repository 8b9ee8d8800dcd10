// SPDX-License-Identifier: Apache-2.0
// The tokens that end a text: `eos_token_id` of generation_config.json, else of config.json; a number or a list.
#pragma once

#include <vector>

#include "checkpoint/checkpoint.h"

namespace shorten::family {

// Empty where neither file names one. Throws bad_input for anything but ids of the vocabulary.
std::vector<int64_t> read_stop_tokens(const checkpoint::Checkpoint& checkpoint, int64_t vocabulary);

}  // namespace shorten::family
