// SPDX-License-Identifier: Apache-2.0
// Adapters written and read back, in every dtype.
#include "peft/adapter.h"

#include <cmath>

#include "peft/sample.h"

namespace shorten::test {
namespace {

std::vector<std::byte> bytes_of(const Tensor& tensor) { return {tensor.bytes.begin(), tensor.bytes.end()}; }

TEST(PeftAdapter, ReadsBackWhatWasWritten) {
  const TempDir temp;
  const Sample sample;
  const peft::PeftAdapter read = peft::open_adapter(write_sample(temp / "adapter"), base_spec(), kBase);
  EXPECT_EQ(read.config.rank, 3);
  EXPECT_EQ(read.config.alpha, 6);
  EXPECT_EQ(read.config.dropout, 0.05);
  EXPECT_FALSE(read.config.rank_stabilised);
  EXPECT_EQ(read.config.targets, sample.config.targets);
  ASSERT_EQ(read.pairs.size(), sample.pairs.size());
  for (size_t i = 0; i < read.pairs.size(); ++i) {
    const AdapterPair &got = read.pairs[i], &want = sample.pairs[i];
    EXPECT_EQ(got.block, want.block);
    EXPECT_EQ(got.module, want.module);
    EXPECT_EQ(got.a.shape, want.a.shape);
    EXPECT_EQ(got.b.shape, want.b.shape);
    EXPECT_EQ(bytes_of(got.a), bytes_of(want.a));
    EXPECT_EQ(bytes_of(got.b), bytes_of(want.b));
  }
  EXPECT_EQ(read.pairs[0].a.name, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
}

TEST(PeftAdapter, ConfigurationIsThatOfPeft) {
  const TempDir temp;
  const Json config = read_json(write_sample(temp / "adapter") / "adapter_config.json");
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["task_type"], "CAUSAL_LM");
  EXPECT_EQ(config["base_model_name_or_path"], "../shorter");
  EXPECT_EQ(config["lora_alpha"].dump(), "6") << "whole numbers stay integers";
  EXPECT_EQ(config["target_modules"], Json({"q_proj", "down_proj"}));
  EXPECT_EQ(config["inference_mode"], true);
  const Json record = read_json(temp / "adapter/shorten.json");
  EXPECT_EQ(record["format"], "shorten.adapter");
  EXPECT_EQ(record["base"]["fingerprint"], kBase);
}

TEST(PeftAdapter, FractionalAlphaAndRootSurvive) {
  const TempDir temp;
  Sample sample;
  sample.config.alpha = 0.1;
  sample.config.rank_stabilised = true;
  peft::write_adapter(temp.path(), sample.config, sample.pairs, "m", kBase);
  const peft::PeftAdapter read = peft::open_adapter(temp.path(), base_spec(), kBase);
  EXPECT_EQ(read.config.alpha, 0.1);
  EXPECT_TRUE(read.config.rank_stabilised);
}

// The keys that tell of another program: no shorten.json, the adapter's name in the keys, half precision.
TEST(PeftAdapter, HalfPrecisionAndNamedKeysOfOtherWritersAreRead) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    const TempDir temp;
    write_sample(temp.path());
    fs::remove(temp / "shorten.json");
    std::vector<std::vector<uint16_t>> memory;
    std::vector<Tensor> tensors;
    {
      const checkpoint::SafetensorsFile file(temp / "adapter_model.safetensors");
      for (const Tensor& t : file.tensors()) {
        auto& values = memory.emplace_back(t.numel());
        for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint16_t>(0x3C00 + memory.size() * 64 + i);
        tensors.push_back(
            {replaced(t.name, ".weight", ".default.weight"), dtype, t.shape, std::as_bytes(std::span(values))});
      }
    }
    fs::remove(temp / "adapter_model.safetensors");
    checkpoint::write_safetensors(temp / "adapter_model.safetensors", tensors, {});
    const peft::PeftAdapter read = peft::open_adapter(temp.path(), base_spec(), kBase);
    ASSERT_EQ(read.pairs.size(), 4u);
    for (size_t i = 0; i < read.pairs.size(); ++i) {
      EXPECT_EQ(read.pairs[i].a.dtype, dtype);
      EXPECT_EQ(bytes_of(read.pairs[i].a), bytes_of(tensors[2 * i]));
      EXPECT_EQ(bytes_of(read.pairs[i].b), bytes_of(tensors[2 * i + 1]));
    }
  }
}

TEST(PeftAdapter, OtherSpellingsOfTheSameConfigurationAreRead) {
  const std::vector<std::pair<std::string, std::string>> spellings = {
      {"target_modules", R"(["mlp.down_proj", "self_attn.q_proj", "q_proj"])"},
      {"target_modules", R"(["down_proj", "model.layers.0.self_attn.q_proj", "layers.1.self_attn.q_proj"])"},
      {"a_key_of_tomorrow", R"({"x": [1]})"},
      {"use_dora", "null"},
      {"modules_to_save", "[]"},
      {"exclude_modules", R"("")"},
      {"init_lora_weights", R"("gaussian")"},
      {"eva_config", "null"},
      {"task_type", "null"},
      {"bias", "null"},
      {"lora_dropout", "null"},
  };
  for (const auto& [key, value] : spellings) {
    const TempDir temp;
    const fs::path file = write_sample(temp.path()) / "adapter_config.json";
    Json config = read_json(file);
    config[key] = Json::parse(value);
    write(file, config.dump());
    EXPECT_EQ(peft::open_adapter(temp.path(), base_spec(), kBase).config.targets,
              (std::vector<std::string>{"q_proj", "down_proj"}))
        << key;
  }
}

TEST(PeftAdapter, AllLinearMeansAllSeven) {
  const TempDir temp;
  const fs::path file = write_sample(temp.path()) / "adapter_config.json";
  write(file, R"({"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": "all-linear"})");
  try {
    peft::open_adapter(temp.path(), base_spec(), kBase);
    ADD_FAILURE() << "five modules have no tensors";
  } catch (const Error& e) {
    EXPECT_THAT(e.block(), testing::HasSubstr("28 finite tensors"));
    EXPECT_THAT(e.block(), testing::HasSubstr("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"));
    EXPECT_THAT(e.block(), testing::HasSubstr("20 differences"));
  }
}

// Single modules may have a rank and an alpha of their own, or be in some blocks only.
TEST(PeftAdapter, PatternsGiveModulesTheirOwnRankAndAlpha) {
  const TempDir temp;
  write(
      temp / "adapter_config.json",
      R"json({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ".*(q_proj|layers\\.0\\.mlp\\.down_proj)",
            "rank_pattern": {"1.self_attn.q_proj": 3}, "alpha_pattern": {"mlp.down_proj": 9}})json");
  const std::vector<float> zeros(64, 0);
  std::vector<Tensor> tensors;
  const auto add = [&](const std::string& module, int64_t rank, int64_t in, int64_t out) {
    for (const auto& [matrix, shape] :
         {std::pair{"A", std::vector<int64_t>{rank, in}}, {"B", std::vector<int64_t>{out, rank}}}) {
      tensors.push_back({"base_model.model.model.layers." + module + ".lora_" + matrix + ".weight", DType::kF32, shape,
                         std::as_bytes(std::span(zeros)).first(static_cast<size_t>(shape[0] * shape[1]) * 4)});
    }
  };
  add("0.self_attn.q_proj", 2, 4, 4);
  add("0.mlp.down_proj", 2, 6, 4);
  add("1.self_attn.q_proj", 3, 4, 4);
  checkpoint::write_safetensors(temp / "adapter_model.safetensors", tensors, {});
  const peft::PeftAdapter adapter = peft::open_adapter(temp.path(), base_spec(), kBase);
  EXPECT_EQ(adapter.config.rank, 3);
  EXPECT_EQ(adapter.config.targets, (std::vector<std::string>{"q_proj", "down_proj"}));
  ASSERT_EQ(adapter.pairs.size(), 3u);
  const double common = 4.0 / 3;  // alpha / rank of the configuration as we have it
  EXPECT_DOUBLE_EQ(adapter.pairs[0].scale, 4.0 / 2 / common);
  EXPECT_DOUBLE_EQ(adapter.pairs[1].scale, 9.0 / 2 / common);
  EXPECT_DOUBLE_EQ(adapter.pairs[2].scale, 1);
}

}  // namespace
}  // namespace shorten::test
