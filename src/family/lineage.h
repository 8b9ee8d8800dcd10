// SPDX-License-Identifier: Apache-2.0
// Where a model directory came from: the chain of shorten.json records back to the original.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace shorten::family {

inline constexpr std::string_view kPrunedFormat = "shorten.pruned";  // blocks are gone
inline constexpr std::string_view kHealedFormat = "shorten.healed";  // other weights, the same blocks

struct Ancestor {
  fs::path path;            // as recorded; it may be gone
  std::string fingerprint;  // "sha256:..."
  std::vector<int> block;   // block[i] of the ancestor is block i of the model
};

// shorten.json of `model`, of either format; null if there is none. Throws bad_input if it cannot be read.
Json read_record(const checkpoint::Checkpoint& model);

// From the model's immediate source to the original; empty without a record. Throws bad_input if a record contradicts
// itself, its source's record or the model (block counts), naming file and key.
std::vector<Ancestor> read_lineage(const checkpoint::Checkpoint& model, int64_t blocks);

}  // namespace shorten::family
