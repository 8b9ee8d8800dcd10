// SPDX-License-Identifier: Apache-2.0
// The writer: a header, then the bytes of the tensors as they are.
#include <array>
#include <set>

#include "checkpoint/file_writer.h"
#include "checkpoint/safetensors.h"
#include "core/check.h"
#include "core/json.h"

namespace shorten::checkpoint {
namespace {

constexpr size_t kAlignment = 8;  // of the first tensor, so that readers may map it as numbers

std::string header_of(std::span<const Tensor> tensors, const std::map<std::string, std::string>& metadata) {
  // Built as text: an ordered JSON object looks every new key up among all the others.
  std::string header = "{";
  if (!metadata.empty()) header += "\"__metadata__\":" + Json(metadata).dump() + ",";
  uint64_t at = 0;
  std::set<std::string_view> names;
  for (const Tensor& tensor : tensors) {
    SHORTEN_CHECK(names.insert(tensor.name).second, "a tensor is written twice: " + tensor.name);
    const Json entry = {
        {"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, at + tensor.size()}}};
    header += Json(tensor.name).dump() + ":" + entry.dump() + ",";
    at += tensor.size();
  }
  if (header.back() == ',') header.pop_back();
  header += "}";
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return header;
}

uint64_t total_size(std::span<const Tensor> tensors, const std::string& header) {
  uint64_t size = 8 + header.size();
  for (const Tensor& tensor : tensors) size += tensor.size();
  return size;
}

}  // namespace

uint64_t safetensors_size(std::span<const Tensor> tensors, const std::map<std::string, std::string>& metadata) {
  return total_size(tensors, header_of(tensors, metadata));
}

void write_safetensors(const fs::path& file, std::span<const Tensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_of(tensors, metadata);
  FileWriter out(file, total_size(tensors, header));
  std::array<std::byte, 8> length;
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i));
  out.write(length);
  out.write(header);
  for (const Tensor& tensor : tensors) {
    SHORTEN_CHECK(tensor.bytes.size() == tensor.size(), "a tensor has other bytes than its shape: " + tensor.name);
    out.write(tensor.bytes);
  }
  out.close();
}

}  // namespace shorten::checkpoint
