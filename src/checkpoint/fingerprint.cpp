// SPDX-License-Identifier: Apache-2.0
// The fingerprint of a model is "sha256:" and the SHA-256, in lower-case hexadecimal, of this text:
//   - the lines of all tensors (checkpoint/tensor_lines.h), in the byte order of their names, which cannot hold a tab
//     or a line feed;
//   - then config.json, parsed and written again without spaces, with the keys of every object in byte
//     order, text as UTF-8, fractions with the fewest digits that give the same double.
// So neither the shards, nor their order, nor the layout of config.json change it.
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_lines.h"
#include "core/sha256.h"

namespace shorten::checkpoint {

std::string Checkpoint::fingerprint() const {
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : tensors_) tensors.push_back(tensor);
  Sha256 hash;
  for (const std::string& line : tensor_lines(tensors)) hash.update(line);
  hash.update(nlohmann::json(config_).dump());  // json, not ordered_json: sorts the keys
  return "sha256:" + hash.hex();
}

}  // namespace shorten::checkpoint
