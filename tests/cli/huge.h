// SPDX-License-Identifier: Apache-2.0
// A model one of whose tensors is so large that what it makes is infinite.
#pragma once

#include "checkpoint/checkpoint.h"
#include "temp_dir.h"

namespace shorten::test {

// `model` with its tokenizer in `copy`, the bf16 tensor `name` as large as bf16 goes. Returns `copy`.
inline fs::path with_huge(const fs::path& model, const std::string& name, const fs::path& copy) {
  const checkpoint::Checkpoint sound(model);
  std::vector<checkpoint::Tensor> tensors;
  std::vector<uint16_t> huge;
  for (auto [key, tensor] : sound.tensors()) {
    if (key == name) {
      huge.assign(tensor.numel(), 0x7f7f);
      tensor.bytes = std::as_bytes(std::span(huge));
    }
    tensors.push_back(tensor);
  }
  fs::copy(model, copy);
  fs::remove(copy / "model.safetensors");
  checkpoint::write_safetensors(copy / "model.safetensors", tensors, {});
  return copy;
}

}  // namespace shorten::test
