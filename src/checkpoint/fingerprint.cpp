// SPDX-License-Identifier: Apache-2.0
// The fingerprint of a model is "sha256:" and the SHA-256, in lower-case hexadecimal, of this text:
//   - for every tensor, in the byte order of the names, one line that ends in a line feed:
//       NAME <tab> DTYPE <tab> SHAPE <tab> HASH
//     DTYPE as safetensors writes it (BF16), SHAPE as JSON without spaces ([4096,192], [] for a scalar),
//     HASH the SHA-256 of the tensor's bytes in hexadecimal. (A name cannot hold a tab or a line feed.)
//   - then config.json, parsed and written again without spaces, with the keys of every object in byte
//     order, text as UTF-8, fractions with the fewest digits that give the same double.
// So neither the shards, nor their order, nor the layout of config.json change it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "core/sha256.h"
#include "core/system.h"

namespace shorten::checkpoint {
namespace {

constexpr int kMaxThreads = 8;  // a disk is slower than that many cores

std::string tensor_line(const Tensor& tensor) {
  Sha256 hash;
  hash.update(tensor.bytes);
  return fmt::format("{}\t{}\t[{}]\t{}\n", tensor.name, dtype_name(tensor.dtype), fmt::join(tensor.shape, ","),
                     hash.hex());
}

// lines[i] for tensors[i], by as many threads as help.
std::vector<std::string> tensor_lines(const std::vector<const Tensor*>& tensors) {
  std::vector<std::string> lines(tensors.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < tensors.size(); i = next++) lines[i] = tensor_line(*tensors[i]);
  };
  std::vector<std::future<void>> helpers;
  for (int i = 1; i < std::min(usable_cores(), kMaxThreads); ++i)
    helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
  return lines;
}

}  // namespace

std::string Checkpoint::fingerprint() const {
  std::vector<const Tensor*> tensors;
  for (const auto& [name, tensor] : tensors_) tensors.push_back(&tensor);
  Sha256 hash;
  for (const std::string& line : tensor_lines(tensors)) hash.update(line);
  hash.update(nlohmann::json(config_).dump());  // json, not ordered_json: sorts the keys
  return "sha256:" + hash.hex();
}

}  // namespace shorten::checkpoint
