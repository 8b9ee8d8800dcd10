// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/sha256.h"
#include "hostile.h"

namespace shorten::checkpoint {
namespace {

TEST(Checkpoint, OpensOneFile) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "m"));
  EXPECT_FALSE(model.has_index());
  EXPECT_EQ(model.shards(), 1u);
  EXPECT_EQ(model.config_text(), test::read_text(dir / "m/config.json"));
  EXPECT_EQ(model.config()["num_hidden_layers"], 4);
  EXPECT_EQ(model.tensors().size(), 3u + 4 * 9);
  EXPECT_EQ(model.tensor_bytes(), 4 * (test::kTinyOtherParameters + 4 * test::kTinyBlockParameters));
  EXPECT_EQ(model.tensor("model.layers.2.mlp.down_proj.weight").shape, (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(model.file_of("lm_head.weight"), dir / "m/model.safetensors");
}

TEST(Checkpoint, OpensShards) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_shards(dir / "m"));
  EXPECT_TRUE(model.has_index());
  EXPECT_EQ(model.shards(), 2u);
  EXPECT_EQ(model.tensors().size(), 3u + 4 * 9);
  EXPECT_EQ(model.file_of("lm_head.weight").filename(), "model-00001-of-00002.safetensors");
  EXPECT_EQ(model.file_of("model.norm.weight").filename(), "model-00002-of-00002.safetensors");
}

TEST(Checkpoint, NamesAMissingTensor) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "m"));
  EXPECT_FALSE(model.has("model.layers.9.x"));
  try {
    model.tensor("model.layers.9.x");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.where(), testing::HasSubstr("model.layers.9.x"));
  }
}

TEST(Fingerprint, IsTheHashOfTheTextThatIsDocumented) {
  const test::TempDir dir;
  const std::vector<Tensor> tensors = {{"b", DType::kF32, {1, 2}, std::as_bytes(std::span("12345678", 8))},
                                       {"a", DType::kBF16, {}, std::as_bytes(std::span("xy", 2))}};
  fs::create_directory(dir / "m");
  write_safetensors(dir / "m/model.safetensors", tensors, {});
  test::write(dir / "m/config.json", "{\n  \"z\": 1e-5, \"a\": {\"y\": [1, 2.0], \"b\": \"\xC3\xA9\"}\n}");
  const std::string text = "a\tBF16\t[]\t" + sha256_hex("xy") + "\nb\tF32\t[1,2]\t" + sha256_hex("12345678") + "\n" +
                           "{\"a\":{\"b\":\"\xC3\xA9\",\"y\":[1,2.0]},\"z\":1e-05}";
  EXPECT_EQ(Checkpoint(dir / "m").fingerprint(), "sha256:" + sha256_hex(text));
}

TEST(Fingerprint, DoesNotSeeShardsOrLayout) {
  const test::TempDir dir;
  const std::string one = Checkpoint(test::write_tiny_model(dir / "one")).fingerprint();
  EXPECT_EQ(Checkpoint(test::write_tiny_shards(dir / "two")).fingerprint(), one);
  test::write(dir / "one/config.json", Json(nlohmann::json::parse(test::tiny_config(4))).dump());
  EXPECT_EQ(Checkpoint(dir / "one").fingerprint(), one);
}

TEST(Fingerprint, SeesEveryByteAndEverySetting) {
  const test::TempDir dir;
  const std::string before = Checkpoint(test::write_tiny_model(dir / "m")).fingerprint();
  std::string bytes = test::read_text(dir / "m/model.safetensors");
  bytes.back() ^= 1;
  test::write(dir / "m/model.safetensors", bytes);
  const std::string other_bytes = Checkpoint(dir / "m").fingerprint();
  EXPECT_NE(other_bytes, before);
  test::edit(dir / "m/config.json", "1e-05", "1e-06");
  EXPECT_NE(Checkpoint(dir / "m").fingerprint(), other_bytes);
}

TEST(Links, InAPlainFolderMayLeadToAFileOfTheSameName) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "real");
  fs::create_directory(dir / "m");
  for (const char* name : {"config.json", "model.safetensors"})
    fs::create_symlink(fs::path("../real") / name, dir / "m" / name);
  EXPECT_EQ(Checkpoint(dir / "m").fingerprint(), Checkpoint(dir / "real").fingerprint());
}

TEST(Links, ToTheFolderItselfAreFine) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "real");
  fs::create_directory_symlink("real", dir / "m");
  EXPECT_NO_THROW(Checkpoint(dir / "m"));
}

}  // namespace
}  // namespace shorten::checkpoint
