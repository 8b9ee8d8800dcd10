// SPDX-License-Identifier: Apache-2.0
// One safetensors file, memory-mapped. Every byte of the header is checked before a tensor is handed
// out: format at https://github.com/huggingface/safetensors (8-byte little-endian header length,
// JSON header, then the tensors without holes).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace shorten::checkpoint {

class SafetensorsFile {
 public:
  // Throws bad_input naming the file and the tensor.
  explicit SafetensorsFile(const fs::path& file);

  const fs::path& path() const { return file_.path(); }
  const std::vector<Tensor>& tensors() const { return tensors_; }  // in file order
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  TensorSource source() &&;  // its tensors, and the mapped file with them

 private:
  MappedFile file_;
  std::vector<Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes tensors in the given order to `file` (a new file) and syncs it to disk.
// Bytes are copied, never computed. The header is padded so that the data starts at a multiple of 8.
void write_safetensors(const fs::path& file, std::span<const Tensor> tensors,
                       const std::map<std::string, std::string>& metadata);

// Bytes of the file that write_safetensors makes; the tensors need no bytes yet.
uint64_t safetensors_size(std::span<const Tensor> tensors, const std::map<std::string, std::string>& metadata);

}  // namespace shorten::checkpoint
