// SPDX-License-Identifier: Apache-2.0
#include "prune/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace shorten::prune {

std::vector<Shard> plan_shards(const std::vector<checkpoint::Tensor>& tensors, uint64_t limit) {
  uint64_t total = 0;
  for (const auto& tensor : tensors) total += tensor.size();
  std::vector<Shard> shards(1);
  uint64_t filled = 0;
  for (const auto& tensor : tensors) {
    if (total >= limit && filled > 0 && filled + tensor.size() > limit) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().tensors.push_back(tensor);
    filled += tensor.size();
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    shards[i].name = shards.size() == 1 ? "model.safetensors"
                                        : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    std::stable_sort(shards[i].tensors.begin(), shards[i].tensors.end(), [](const auto& a, const auto& b) {
      return checkpoint::dtype_bytes(a.dtype) > checkpoint::dtype_bytes(b.dtype);
    });
  }
  return shards;
}

Json index_json(const std::vector<Shard>& shards) {
  uint64_t bytes = 0, parameters = 0;
  std::map<std::string, std::string> weight_map;
  for (const Shard& shard : shards) {
    for (const auto& tensor : shard.tensors) {
      bytes += tensor.size();
      parameters += tensor.numel();
      weight_map[tensor.name] = shard.name;
    }
  }
  return {{"metadata", {{"total_size", bytes}, {"total_parameters", parameters}}}, {"weight_map", weight_map}};
}

}  // namespace shorten::prune
