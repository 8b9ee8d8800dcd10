// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>

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

}  // namespace

std::vector<std::string> tensor_lines(std::span<const Tensor> tensors) {
  std::vector<std::string> lines(tensors.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < tensors.size(); i = next++) lines[i] = tensor_line(tensors[i]);
  };
  std::vector<std::future<void>> helpers;
  const int threads = std::min({usable_cores(), kMaxThreads, static_cast<int>(tensors.size())});
  for (int i = 1; i < threads; ++i) helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
  return lines;
}

}  // namespace shorten::checkpoint
