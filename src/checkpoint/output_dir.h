// SPDX-License-Identifier: Apache-2.0
// A directory that appears whole or not at all: it is filled under a temporary name beside its final
// place, synced, checked by the caller, and renamed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/cleanup.h"
#include "core/file.h"

namespace shorten::checkpoint {

// Throws unless a directory may be written as `target`; called by itself before long work on the inputs.
// `inputs` are the directories and files that are being read: an output that is one of them, or lies
// inside one, or contains one, is refused even with `force` (compared by device and inode). So is one in the
// folder models--* of a Hub cache that holds an input.
// A folder that is there may be replaced if it is empty, or with `force` if it looks like a result of ours
// (with config.json, shorten.json or heal.json); otherwise usage_error. Throws bad_input if the folder
// above is missing.
void check_output_dir(const fs::path& target, const std::vector<fs::path>& inputs, bool force);

// What of it does not depend on `force` or on what is there: the folder above exists, and output and inputs do not hold
// each other.
void refuse_inputs(const fs::path& target, const std::vector<fs::path>& inputs);

class OutputDir {
 public:
  // Throws what check_output_dir throws, and no_space if the file system has fewer than `needed_bytes` free.
  // Nothing is written before these checks.
  OutputDir(const fs::path& target, const std::vector<fs::path>& inputs, uint64_t needed_bytes, bool force);

  const fs::path& staging() const { return staging_->path(); }  // write here

  void write(const fs::path& name, std::string_view content);  // a new file, synced
  void copy(const fs::path& source, const fs::path& name);     // byte for byte, synced
  void commit();  // sync the folder, rename it into place (an existing one is replaced)

 private:
  void replace();

  fs::path target_;
  bool force_;
  std::unique_ptr<Temporary> staging_;
};

}  // namespace shorten::checkpoint
