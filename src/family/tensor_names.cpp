// SPDX-License-Identifier: Apache-2.0
#include "family/tensor_names.h"

#include <charconv>

#include "family/spec.h"

namespace shorten::family {

std::optional<BlockTensor> split_block_name(std::string_view name) {
  constexpr std::string_view kPrefix = kBlocks;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view tail = name.substr(kPrefix.size());
  const size_t dot = tail.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  int64_t block = -1;
  const auto [end, status] = std::from_chars(tail.data(), tail.data() + dot, block);
  if (status != std::errc() || end != tail.data() + dot || block < 0) return std::nullopt;
  if (std::to_string(block).size() != dot) return std::nullopt;  // "07" is no block's number
  return BlockTensor{block, tail.substr(dot + 1)};
}

bool is_redundant(const checkpoint::Checkpoint& model, std::string_view name) {
  if (name.ends_with(".rotary_emb.inv_freq")) return true;
  if (name != family::kHead || !model.has(family::kEmbedding)) return false;
  return JsonObject(model.config(), model.config_file()).boolean_or("tie_word_embeddings", false);
}

}  // namespace shorten::family
