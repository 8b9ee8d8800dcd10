// SPDX-License-Identifier: Apache-2.0
// How tensors are laid out in files.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/json.h"

namespace shorten::prune {

struct Shard {
  std::string name;                         // model.safetensors, or model-00001-of-00003.safetensors
  std::vector<checkpoint::Tensor> tensors;  // in the order of the file
};

inline constexpr uint64_t kMaxShard = 5'000'000'000;

// All tensors in one file if they take less than `limit` bytes, else in files of at most `limit`, in the
// order given; a larger tensor gets a file of its own. Inside a file wider types come first, so that
// every tensor is aligned to its type.
std::vector<Shard> plan_shards(const std::vector<checkpoint::Tensor>& tensors, uint64_t limit);

// model.safetensors.index.json of more than one shard.
Json index_json(const std::vector<Shard>& shards);

}  // namespace shorten::prune
