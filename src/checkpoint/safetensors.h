// SPDX-License-Identifier: Apache-2.0
// One safetensors file, memory-mapped. Every byte of the header is checked before a tensor is handed
// out: format at https://github.com/huggingface/safetensors (8-byte little-endian header length,
// JSON header, then the tensors without holes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"

namespace shorten::checkpoint {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

std::string_view dtype_name(DType dtype);  // as safetensors writes it: "BF16"
uint64_t dtype_bytes(DType dtype);

// A tensor as it lies in a mapped file: row-major, little-endian. Valid as long as the file.
struct Tensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  uint64_t numel() const;  // both by shape and dtype, whether the bytes are there or not yet
  uint64_t size() const;   // bytes
};

std::string shape_text(const std::vector<int64_t>& shape);  // "[4096, 192]"

class SafetensorsFile {
 public:
  // Throws bad_input naming the file and the tensor.
  explicit SafetensorsFile(const fs::path& file);

  const fs::path& path() const { return file_.path(); }
  const std::vector<Tensor>& tensors() const { return tensors_; }  // in file order
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

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
