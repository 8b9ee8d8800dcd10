// SPDX-License-Identifier: Apache-2.0
// A family with other names for its norms computes what LLaMA computes: everything follows from its table.
#include "toy_family.h"

#include "golden.h"
#include "model/loader.h"
#include "model/plain_forward.h"

namespace shorten::model {
namespace {

TEST(ToyFamily, GivesTheLogitsOfTheModelThatItRenames) {
  const test::TempDir temp;
  for (const char* name : {"llama-gqa", "llama-bias", "llama-tied"}) {
    const checkpoint::Checkpoint llama(test::golden_models() / name);
    const checkpoint::Checkpoint toy(test::write_toy(llama.dir(), temp / name));
    const CausalLm want = load(llama, at::kCPU, at::kFloat);
    const CausalLm got = load(toy, test::toy_spec(toy), at::kCPU, at::kFloat);
    const Json expected = read_json(llama.dir() / "expected.json");
    const Tensor ids = test::ids_tensor(Json::array({expected["inputs"][0]}));
    EXPECT_TRUE(logits(got, ids).equal(logits(want, ids))) << name;
    EXPECT_EQ(got.blocks.lease(0)->parameters()[0].name, "attn_norm.weight");
  }
}

// Half a block, and the other half of what that gave, are the block; neither writes to what it was given.
TEST(Block, IsItsTwoHalves) {
  const at::NoGradGuard no_gradients;
  for (const char* name : {"llama-gqa", "llama-bias", "qwen3"}) {
    const CausalLm model = load(checkpoint::Checkpoint(test::golden_models() / name), at::kCPU, at::kFloat);
    const BlockLease block = model.blocks.lease(1);
    const Context context = model.context(7);
    const Tensor x = at::randn({2, 7, model.spec.hidden}), before = x.clone();
    const Tensor middle = block->attention(x, context), kept = middle.clone();
    const Tensor halves = block->mlp(middle);
    EXPECT_TRUE(x.equal(before)) << name;
    EXPECT_TRUE(middle.equal(kept)) << name;
    EXPECT_TRUE(at::allclose(halves, block->forward(x, context), 1e-6, 1e-6)) << name;
  }
}

}  // namespace
}  // namespace shorten::model
