// SPDX-License-Identifier: Apache-2.0
// A checkpoint's file: every tensor lies inside it.
#include "checkpoint/safetensors.h"

#include <cstdlib>

#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return shorten::fuzz::run_on_file("model.safetensors", data, size, [&](const auto& path) {
    const shorten::checkpoint::SafetensorsFile file(path);
    unsigned sum = 0;
    for (const auto& tensor : file.tensors()) {
      if (tensor.bytes.size() != tensor.size()) std::abort();
      for (const std::byte b : tensor.bytes) sum += static_cast<unsigned>(b);
    }
    if (sum > size * 255) std::abort();
  });
}
