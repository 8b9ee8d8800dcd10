// SPDX-License-Identifier: Apache-2.0
// A Hugging Face directory of tensors that come from files or are computed a file at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "core/json.h"
#include "prune/shards.h"

namespace shorten::prune {

struct ModelFiles {
  const checkpoint::Checkpoint& source;     // whose other files (tokenizer, licence, model card) are copied
  std::string config;                       // the text of config.json
  std::vector<checkpoint::Tensor> tensors;  // in the order of the files; with `fill` the bytes are ignored
  Json record;                              // shorten.json
  std::vector<fs::path> inputs = {};        // what else the output must not touch; `source` is among them by itself
  uint64_t max_shard = kMaxShard;           // bytes of tensors in a file
};

// Gives `tensors` their bytes: called once for each file that is written, with its tensors. What it points to must
// stay until the next call, so that no more than one file's tensors are in memory.
using Fill = std::function<void(std::vector<checkpoint::Tensor>& tensors)>;

// Writes the directory `output`: copies, weights, config.json and, last, shorten.json. All is read back and compared
// before the directory appears under its name: byte for byte with `tensors`, or by SHA-256 with what `fill`, where it
// is not empty, gave. `report`, called just before that with the staging folder, may throw to prevent it. Throws what
// OutputDir throws.
void write_model(const ModelFiles& files, const fs::path& output, bool force, const Fill& fill,
                 const std::function<void(const fs::path& staging)>& report);

}  // namespace shorten::prune
