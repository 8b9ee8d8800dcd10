// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "hostile.h"

namespace shorten::checkpoint {
namespace {

using testing::ElementsAre;

Tensor tensor(std::string name, DType dtype, std::vector<int64_t> shape, std::string_view bytes) {
  return {std::move(name), dtype, std::move(shape), std::as_bytes(std::span(bytes))};
}

std::string text(const Tensor& t) { return {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}; }

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const test::TempDir dir;
  const std::vector<Tensor> tensors = {
      tensor("w", DType::kF32, {2, 1}, "abcdefgh"), tensor("scalar", DType::kI16, {}, "ij"),
      tensor("empty", DType::kBF16, {0, 7}, ""), tensor("q\"uote\xC3\xA9", DType::kU8, {3}, "klm")};
  write_safetensors(dir / "f.safetensors", tensors, {{"format", "pt"}, {"k", "\"v\""}});
  EXPECT_EQ(fs::file_size(dir / "f.safetensors"), safetensors_size(tensors, {{"format", "pt"}, {"k", "\"v\""}}));

  const SafetensorsFile file(dir / "f.safetensors");
  EXPECT_THAT(file.metadata(), ElementsAre(testing::Pair("format", "pt"), testing::Pair("k", "\"v\"")));
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto found = std::find_if(file.tensors().begin(), file.tensors().end(),
                                    [&](const Tensor& t) { return t.name == tensors[i].name; });
    ASSERT_NE(found, file.tensors().end());
    EXPECT_EQ(found->dtype, tensors[i].dtype);
    EXPECT_EQ(found->shape, tensors[i].shape);
    EXPECT_EQ(text(*found), text(tensors[i]));
  }
}

TEST(Safetensors, TheFirstTensorIsAligned) {
  const test::TempDir dir;
  for (const std::string name : {"a", "ab", "abc", "abcdefg"}) {
    write_safetensors(dir / name, std::vector{tensor(name, DType::kF64, {1}, "12345678")}, {});
    const SafetensorsFile file(dir / name);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensors()[0].bytes.data()) % 8, 0u);
  }
}

TEST(Safetensors, TensorsAreGivenInTheOrderOfTheFile) {
  const test::TempDir dir;
  test::write(dir / "f", test::safetensors_bytes("{" + test::entry("z", "U8", "[1]", "[0,1]") + "," +
                                                     test::entry("b", "U8", "[1]", "[2,3]") + "," +
                                                     test::entry("a", "U8", "[1]", "[1,2]") + "}   ",
                                                 3));
  const SafetensorsFile file(dir / "f");
  std::vector<std::string> names;
  for (const Tensor& t : file.tensors()) names.push_back(t.name);
  EXPECT_THAT(names, ElementsAre("z", "a", "b"));
}

TEST(Safetensors, EveryDTypeHasItsNameAndSize) {
  const std::pair<std::string, uint64_t> kExpected[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                                                        {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U64", 8},  {"U32", 4},
                                                        {"U16", 2}, {"U8", 1},  {"BOOL", 1}};
  const test::TempDir dir;
  for (const auto& [name, bytes] : kExpected) {
    test::write(dir / name,
                test::safetensors_bytes("{" + test::entry("t", name, "[3]", fmt::format("[0,{}]", 3 * bytes)) + "}",
                                        3 * bytes));
    const SafetensorsFile file(dir / name);
    EXPECT_EQ(dtype_name(file.tensors()[0].dtype), name);
    EXPECT_EQ(dtype_bytes(file.tensors()[0].dtype), bytes);
    EXPECT_EQ(file.tensors()[0].numel(), 3u);
  }
}

TEST(Safetensors, AnExistingFileIsNotOverwritten) {
  const test::TempDir dir;
  test::write(dir / "f", "precious");
  EXPECT_THROW(write_safetensors(dir / "f", {}, {}), Error);
  EXPECT_EQ(test::read_text(dir / "f"), "precious");
}

TEST(Safetensors, AHundredThousandNamesTakeNoTimeToSpeakOf) {
  const test::TempDir dir;
  std::vector<Tensor> tensors;
  for (int i = 0; i < 100'000; ++i)
    tensors.push_back(tensor(fmt::format("model.layers.{:06}.weight", i), DType::kU8, {1}, "x"));
  write_safetensors(dir / "f", tensors, {});
  EXPECT_EQ(SafetensorsFile(dir / "f").tensors().size(), tensors.size());
}

TEST(ShapeText, ReadsAsInPython) {
  EXPECT_EQ(shape_text({4096, 192}), "[4096, 192]");
  EXPECT_EQ(shape_text({}), "[]");
}

}  // namespace
}  // namespace shorten::checkpoint
