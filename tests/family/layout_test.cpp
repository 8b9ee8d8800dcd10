// SPDX-License-Identifier: Apache-2.0
// The table of a block, and what is derived from it.
#include "family/layout.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "family/tensor_names.h"
#include "test_data.h"
#include "toy_family.h"

namespace shorten::family {
namespace {

using ::testing::ElementsAre;

BlockSpec small_block() {
  BlockSpec block;
  block.hidden = 24;
  block.heads = 4;
  block.kv_heads = 2;
  block.head_dim = 8;
  block.intermediate = 48;
  return block;
}

std::vector<std::string> names(const std::vector<Module>& modules) {
  std::vector<std::string> out;
  for (const Module& m : modules) out.push_back(m.name);
  return out;
}

TEST(Layout, TensorsOfABlockInTheirOrder) {
  BlockSpec block = small_block();
  block.qkv_bias = block.qk_norm = true;
  std::string text;
  for (const ExpectedTensor& t : block_tensors(block)) text += t.name + " " + checkpoint::shape_text(t.shape) + "\n";
  EXPECT_EQ(text,
            "self_attn.q_proj.weight [32, 24]\nself_attn.q_proj.bias [32]\n"
            "self_attn.k_proj.weight [16, 24]\nself_attn.k_proj.bias [16]\n"
            "self_attn.v_proj.weight [16, 24]\nself_attn.v_proj.bias [16]\n"
            "self_attn.o_proj.weight [24, 32]\n"
            "self_attn.q_norm.weight [8]\nself_attn.k_norm.weight [8]\n"
            "mlp.gate_proj.weight [48, 24]\nmlp.up_proj.weight [48, 24]\nmlp.down_proj.weight [24, 48]\n"
            "input_layernorm.weight [24]\npost_attention_layernorm.weight [24]\n");
}

TEST(Layout, ModulesOfASlotLieOneBelowAnother) {
  const std::vector<Module> qkv = modules_in(small_block(), Slot::kQkv);
  EXPECT_THAT(names(qkv), ElementsAre("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"));
  EXPECT_EQ(qkv[0].begin, 0);
  EXPECT_EQ(qkv[1].begin, 32);
  EXPECT_EQ(qkv[2].begin, 48);
  EXPECT_TRUE(modules_in(small_block(), Slot::kQNorm).empty()) << "this block has none";
}

TEST(Layout, EveryModuleBelongsToAHalf) {
  for (const Module& m : modules_of(small_block())) {
    const bool mlp = m.name.starts_with("mlp.") || m.name == "post_attention_layernorm";
    EXPECT_EQ(m.half, mlp ? Half::kMlp : Half::kAttention) << m.name;
  }
}

TEST(Layout, AdaptersGoBesideProjections) {
  EXPECT_THAT(lora_targets(small_block()),
              ElementsAre("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"));
  const Module down = linears_of(small_block()).back();
  EXPECT_EQ(down.rows, 24);
  EXPECT_EQ(down.columns, 48);
}

TEST(Layout, NamesOfBlocksAreTakenApartAsTheyArePutTogether) {
  const std::string name = block_prefix(17) + "mlp.down_proj.weight";
  const auto part = split_block_name(name);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->block, 17);
  EXPECT_EQ(part->rest, "mlp.down_proj.weight");
  for (const char* outside : {kEmbedding, kFinalNorm, kHead}) EXPECT_FALSE(split_block_name(outside)) << outside;
}

// One weight for q, k and v is a row of the table too.
TEST(Layout, AFusedProjectionIsOneModule) {
  static constexpr std::array kRows = {
      ModuleRow{"self_attn.qkv_proj", Half::kAttention, Slot::kQkv, Size{.queries = 1, .keys = 2}, size::kHidden}};
  static constexpr Layout kLayout{kRows};
  BlockSpec block = small_block();
  block.layout = &kLayout;
  ASSERT_EQ(block_tensors(block).size(), 1u);
  EXPECT_EQ(block_tensors(block)[0].shape, (std::vector<int64_t>{64, 24}));
  EXPECT_THAT(lora_targets(block), ElementsAre("qkv_proj"));
}

TEST(Layout, AToyFamilyExpectsTensorsUnderItsOwnNames) {
  const test::TempDir temp;
  const fs::path source = test::source_dir() / "tests/golden/models/llama-gqa";
  const checkpoint::Checkpoint toy(test::write_toy(source, temp / "toy"));
  const ModelSpec spec = test::toy_spec(toy), llama = read_spec(checkpoint::Checkpoint(source));
  EXPECT_EQ(count_parameters(spec).parameters, count_parameters(llama).parameters);
  EXPECT_EQ(block_tensors(spec.blocks[0]).front().name, "attn_norm.weight");
  EXPECT_THROW(expect_tensors(llama, toy), Error);
}

}  // namespace
}  // namespace shorten::family
