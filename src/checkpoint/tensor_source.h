// SPDX-License-Identifier: Apache-2.0
// Named tensors in a file, whatever its format. A checkpoint is a list of such sources. Safetensors files give one
// (SafetensorsFile::source); a reader of another format fills the same struct, and what its tensors have that these
// have not, such as values that are stored in blocks, becomes a DType.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace shorten::checkpoint {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

std::string_view dtype_name(DType dtype);  // as safetensors writes it: "BF16"
uint64_t dtype_bytes(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

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

struct TensorSource {
  fs::path file;
  std::vector<Tensor> tensors;         // in file order
  std::shared_ptr<const void> memory;  // what their bytes lie in
};

}  // namespace shorten::checkpoint
