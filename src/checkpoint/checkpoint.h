// SPDX-License-Identifier: Apache-2.0
// A Hugging Face model directory, opened for reading: config.json and all weights, mapped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/json.h"

namespace shorten::checkpoint {

class Checkpoint {
 public:
  // Opens `dir`: config.json, then model.safetensors or the shards of model.safetensors.index.json.
  // Nothing about the family is assumed here. Throws bad_input.
  explicit Checkpoint(fs::path dir);

  const fs::path& dir() const { return dir_; }
  const fs::path& config_file() const { return config_file_; }
  const std::string& config_text() const { return config_text_; }  // byte for byte
  const Json& config() const { return config_; }

  bool has(const std::string& name) const { return tensors_.contains(name); }
  const Tensor& tensor(const std::string& name) const;                       // throws bad_input if absent
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }  // by name
  const fs::path& file_of(const std::string& name) const;                    // the shard that holds it
  size_t shards() const { return sources_.size(); }
  bool has_index() const { return has_index_; }
  uint64_t tensor_bytes() const;  // of all tensors

  // SHA-256 of the sorted (name, dtype, shape, SHA-256 of the bytes) and of the parsed config, as
  // docs/formats.md defines it: equal for the same model in other shards. Reads every byte.
  std::string fingerprint() const;  // "sha256:..."

 private:
  fs::path dir_, config_file_;
  std::string config_text_;
  Json config_;
  bool has_index_ = false;
  std::vector<TensorSource> sources_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, size_t> file_of_;
};

// The directory that MODEL on the command line means: an existing directory, or `org/name` in the
// local Hub cache (HF_HUB_CACHE > HF_HOME/hub > ~/.cache/huggingface/hub, refs/main). Nothing is
// downloaded. Throws bad_input that lists where it looked.
fs::path resolve_model(const std::string& model);

}  // namespace shorten::checkpoint
