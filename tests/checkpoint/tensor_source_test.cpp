// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_source.h"

#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "temp_dir.h"

namespace shorten::checkpoint {
namespace {

TEST(TensorSource, KeepsTheFileMappedThatItsTensorsLieIn) {
  const test::TempDir temp;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  write_safetensors(temp / "one.safetensors",
                    std::vector<Tensor>{{"a", DType::kF32, {2, 3}, std::as_bytes(std::span(values))}}, {});
  const TensorSource source = SafetensorsFile(temp / "one.safetensors").source();
  EXPECT_EQ(source.file, temp / "one.safetensors");
  ASSERT_EQ(source.tensors.size(), 1u);
  EXPECT_EQ(source.tensors[0].name, "a");
  EXPECT_TRUE(std::ranges::equal(source.tensors[0].bytes, std::as_bytes(std::span(values))));
}

TEST(DType, IsFoundByItsName) {
  for (const DType dtype : {DType::kF64, DType::kBF16, DType::kU8, DType::kBool})
    EXPECT_EQ(dtype_named(dtype_name(dtype)), dtype);
  EXPECT_FALSE(dtype_named("F8_E4M3"));
}

}  // namespace
}  // namespace shorten::checkpoint
