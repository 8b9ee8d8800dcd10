// SPDX-License-Identifier: Apache-2.0
// A model directory: its files, what they describe, and where it came from. Opened once and handed on; what costs time
// is computed when it is first asked for and kept.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "family/lineage.h"
#include "family/spec.h"

namespace shorten::family {

class Model {
 public:
  // Opens `dir`, reads config.json and compares it with the tensors. Throws bad_input or unsupported.
  // `name` is what a user calls it; by default the directory.
  explicit Model(const fs::path& dir, std::string name = "");

  const std::string& name() const { return name_; }
  const fs::path& dir() const { return files_.dir(); }
  const checkpoint::Checkpoint& files() const { return files_; }
  const ModelSpec& spec() const { return spec_; }
  int64_t blocks() const { return static_cast<int64_t>(spec_.blocks.size()); }

  const std::string& fingerprint() const;        // "sha256:..."; the first call reads every byte
  const std::vector<Ancestor>& lineage() const;  // from the immediate source to the original; throws bad_input
  std::vector<int64_t> stop_tokens() const;      // family/stop_tokens.h

 private:
  std::string name_;
  checkpoint::Checkpoint files_;
  ModelSpec spec_;
  mutable std::mutex mutex_;  // of what is made late
  mutable std::optional<std::string> fingerprint_;
  mutable std::optional<std::vector<Ancestor>> lineage_;
};

using ModelPtr = std::shared_ptr<const Model>;

// `name` is a directory, or org/name in the local Hub cache (checkpoint::resolve_model).
ModelPtr open_model(const std::string& name);

}  // namespace shorten::family
