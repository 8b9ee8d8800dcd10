// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace shorten::checkpoint {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array kDTypes = {
    DTypeInfo{DType::kF64, "F64", 8},   DTypeInfo{DType::kF32, "F32", 4}, DTypeInfo{DType::kF16, "F16", 2},
    DTypeInfo{DType::kBF16, "BF16", 2}, DTypeInfo{DType::kI64, "I64", 8}, DTypeInfo{DType::kI32, "I32", 4},
    DTypeInfo{DType::kI16, "I16", 2},   DTypeInfo{DType::kI8, "I8", 1},   DTypeInfo{DType::kU64, "U64", 8},
    DTypeInfo{DType::kU32, "U32", 4},   DTypeInfo{DType::kU16, "U16", 2}, DTypeInfo{DType::kU8, "U8", 1},
    DTypeInfo{DType::kBool, "BOOL", 1},
};

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

}  // namespace

std::string_view dtype_name(DType dtype) { return info(dtype).name; }
uint64_t dtype_bytes(DType dtype) { return info(dtype).bytes; }

std::optional<DType> dtype_named(std::string_view name) {
  const auto known = std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeInfo& i) { return i.name == name; });
  return known == kDTypes.end() ? std::nullopt : std::optional(known->dtype);
}

uint64_t Tensor::numel() const {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1},
                         [](uint64_t n, int64_t dim) { return n * static_cast<uint64_t>(dim); });
}

uint64_t Tensor::size() const { return numel() * dtype_bytes(dtype); }

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace shorten::checkpoint
