// SPDX-License-Identifier: Apache-2.0
// A small adapter, to use or to break.
#pragma once

#include <string>
#include <vector>

#include "hostile.h"
#include "peft/adapter.h"

namespace shorten::test {

using checkpoint::DType;
using checkpoint::Tensor;
using peft::AdapterConfig;
using peft::AdapterPair;

inline const std::string kBase = "sha256:" + std::string(64, 'a'), kOther = "sha256:" + std::string(64, 'b');

// The base: 2 blocks of the tiny model (hidden 4, q and o 4, k and v 2, MLP 6).
inline family::ModelSpec base_spec() {
  const TempDir temp;
  return family::read_spec(checkpoint::Checkpoint(write_tiny_model(temp / "model", 2)));
}

// An adapter of rank 3 for q_proj and down_proj, every value different, with the memory it lies in.
struct Sample {
  AdapterConfig config{3, 6, 0.05, false, {"q_proj", "down_proj"}};
  std::vector<std::vector<float>> memory;
  std::vector<AdapterPair> pairs;

  Sample() {
    for (int64_t block = 0; block < 2; ++block) {
      add(block, "self_attn.q_proj", 4, 4);
      add(block, "mlp.down_proj", 6, 4);
    }
  }

 private:
  void add(int64_t block, const std::string& module, int64_t in, int64_t out) {
    pairs.push_back({block, module, matrix({3, in}), matrix({out, 3})});
  }
  Tensor matrix(std::vector<int64_t> shape) {
    auto& values = memory.emplace_back(static_cast<size_t>(shape[0] * shape[1]));
    for (float& value : values) value = -1.5f + static_cast<float>(next_++) / 64;
    return {"", DType::kF32, std::move(shape), std::as_bytes(std::span(values))};
  }
  int next_ = 0;
};

inline fs::path write_sample(const fs::path& dir) {
  const Sample sample;
  fs::create_directories(dir);
  peft::write_adapter(dir, sample.config, sample.pairs, "../shorter", kBase);
  return dir;
}

}  // namespace shorten::test
