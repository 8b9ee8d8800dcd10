// SPDX-License-Identifier: Apache-2.0
#include "prune/shards.h"

#include <gmock/gmock.h>

namespace shorten::prune {
namespace {

using checkpoint::DType;
using checkpoint::Tensor;
using testing::ElementsAre;

// Tensors of so many bytes each, named a, b, c ...; nobody looks at the bytes.
std::vector<Tensor> tensors(const std::vector<size_t>& sizes) {
  static const std::vector<std::byte> memory(1000);
  std::vector<Tensor> out;
  for (const size_t size : sizes) {
    out.push_back({std::string{static_cast<char>('a' + out.size())},
                   DType::kU8,
                   {static_cast<int64_t>(size)},
                   std::span(memory).first(size)});
  }
  return out;
}

std::vector<std::string> contents(const std::vector<Shard>& shards) {
  std::vector<std::string> out;
  for (const Shard& shard : shards) {
    out.emplace_back();
    for (const Tensor& t : shard.tensors) out.back() += t.name;
  }
  return out;
}

TEST(Shards, OneFileBelowTheLimit) {
  const auto shards = plan_shards(tensors({10, 20, 69}), 100);
  EXPECT_THAT(contents(shards), ElementsAre("abc"));
  EXPECT_EQ(shards[0].name, "model.safetensors");
}

TEST(Shards, SeveralFilesAtTheLimitEachNoLarger) {
  const auto shards = plan_shards(tensors({60, 40, 30, 70, 1, 150, 5}), 100);
  EXPECT_THAT(contents(shards), ElementsAre("ab", "cd", "e", "f", "g"));
  EXPECT_EQ(shards[0].name, "model-00001-of-00005.safetensors");
  EXPECT_EQ(shards[4].name, "model-00005-of-00005.safetensors");
}

TEST(Shards, WiderTypesComeFirst) {
  auto mixed = tensors({2, 8, 4});
  mixed[1].dtype = DType::kF32;
  mixed[2].dtype = DType::kBF16;
  EXPECT_THAT(contents(plan_shards(mixed, 100)), ElementsAre("bca"));
}

TEST(Shards, TheIndexIsSortedAndAddsUp) {
  auto shards = plan_shards(tensors({60, 60}), 100);
  shards[0].tensors[0].name = "z";
  EXPECT_EQ(index_json(shards).dump(),
            "{\"metadata\":{\"total_size\":120,\"total_parameters\":120},\"weight_map\":"
            "{\"b\":\"model-00002-of-00002.safetensors\",\"z\":\"model-00001-of-00002.safetensors\"}}");
}

}  // namespace
}  // namespace shorten::prune
