// SPDX-License-Identifier: Apache-2.0
// config.json → what the model is.
#include "family/spec.h"

#include <gtest/gtest.h>

#include "temp_dir.h"
#include "test_data.h"

namespace shorten::family {
namespace {

ModelSpec spec_of(const std::string& golden) {
  return read_spec(checkpoint::Checkpoint(test::source_dir() / "tests/golden/models" / golden));
}

std::vector<int64_t> windows(const ModelSpec& spec) {
  std::vector<int64_t> out;
  for (const BlockSpec& block : spec.blocks) out.push_back(block.window.value_or(0));
  return out;
}

TEST(Spec, TheEmbeddedModel) {
  const ModelSpec spec = read_spec(checkpoint::Checkpoint(test::source_dir() / "examples/novelist-14m"));
  EXPECT_EQ(spec.family, "llama");
  EXPECT_EQ(spec.blocks.size(), 32u);
  EXPECT_EQ(spec.blocks[0].heads, 6);
  EXPECT_EQ(spec.blocks[0].kv_heads, 3);
  EXPECT_EQ(spec.blocks[0].head_dim, 32);
  EXPECT_EQ(spec.dtype, checkpoint::DType::kBF16);
  EXPECT_EQ(count_parameters(spec).parameters, 14561472u);
  EXPECT_EQ(count_parameters(spec).block_parameters, 32u * 405888u);
  EXPECT_EQ(kv_bytes_per_token(spec, 2), 32u * 2 * 3 * 32 * 2);
}

TEST(Spec, ParametersOfLlama7B) {  // as the papers count them
  const ModelSpec spec = read_spec(read_json(test::source_dir() / "bench/shapes/llama-7b.json"), "llama-7b.json");
  EXPECT_EQ(count_parameters(spec).parameters, 6738415616u);
  EXPECT_EQ(count_parameters(spec).block_parameters, 32 * uint64_t{202383360});
}

TEST(Spec, WindowsComeFromTheConfigNotFromTheIndex) {
  EXPECT_EQ(windows(spec_of("mistral-null-window")),
            std::vector<int64_t>(spec_of("mistral-null-window").blocks.size(), 0));
  EXPECT_EQ(windows(spec_of("qwen2-window")), (std::vector<int64_t>{0, 0, 6, 6, 6}));  // from max_window_layers
  const std::vector<int64_t> listed = windows(spec_of("qwen2-layertypes"));            // from layer_types
  const Json config = read_json(test::source_dir() / "tests/golden/models/qwen2-layertypes/config.json");
  for (size_t i = 0; i < listed.size(); ++i) EXPECT_EQ(listed[i] != 0, config["layer_types"][i] == "sliding_attention");
}

TEST(Spec, ExpectedTensorsAreThoseOfTheCheckpoint) {
  const checkpoint::Checkpoint model(test::source_dir() / "tests/golden/models/qwen3-bias");
  const ModelSpec spec = read_spec(model);
  std::vector<std::string> names;
  for (const ExpectedTensor& t : expected_tensors(spec)) {
    EXPECT_EQ(model.tensor(t.name).shape, t.shape) << t.name;
    names.push_back(t.name);
  }
  EXPECT_EQ(names.size(), model.tensors().size());
}

// Some writers store the head of a tied model and leave out the embedding.
TEST(Spec, ATiedHeadMayStandForTheEmbedding) {
  const test::TempDir temp;
  const fs::path source = test::source_dir() / "tests/golden/models/llama-tied";
  fs::copy(source, temp / "model");
  const checkpoint::Checkpoint tied(source);
  std::vector<checkpoint::Tensor> tensors;
  for (auto [name, tensor] : tied.tensors()) {
    if (name == kEmbedding) tensor.name = kHead;
    tensors.push_back(tensor);
  }
  fs::remove(temp / "model/model.safetensors");
  checkpoint::write_safetensors(temp / "model/model.safetensors", tensors, {});
  const checkpoint::Checkpoint model(temp / "model");
  const ModelSpec spec = read_spec(model);
  EXPECT_EQ(count_parameters(spec).parameters, count_parameters(read_spec(tied)).parameters);
  EXPECT_EQ(stored_name(spec, model, kEmbedding), kHead);
  EXPECT_EQ(stored_name(spec, model, kFinalNorm), kFinalNorm);
}

}  // namespace
}  // namespace shorten::family
