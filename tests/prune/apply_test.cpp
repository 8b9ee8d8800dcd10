// SPDX-License-Identifier: Apache-2.0
#include "prune/apply.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "hostile.h"
#include "messages.h"
#include "pruned.h"

namespace shorten::prune {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Tensor;
using plan::PrunePlan;
using testing::ElementsAre;

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

PrunePlan removing(const std::vector<int>& blocks) {
  PrunePlan plan;
  plan.remove = plan::whole_blocks(blocks);
  return plan;
}

TEST(Apply, KeepsEveryTensorBitForBitUnderItsNewName) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "model", 5));
  const ApplyResult result = test::apply(model, removing({1, 3}), dir / "out", {}, false);
  EXPECT_THAT(result.kept, ElementsAre(0, 2, 4));
  EXPECT_EQ(result.parameters_before, test::kTinyOtherParameters + 5 * test::kTinyBlockParameters);
  EXPECT_EQ(result.parameters_after, test::kTinyOtherParameters + 3 * test::kTinyBlockParameters);
  EXPECT_EQ(result.bytes_after, 4 * result.parameters_after);

  const Checkpoint out(dir / "out");
  EXPECT_EQ(out.tensors().size(), 3u + 3 * 9);
  EXPECT_EQ(out.config_text(), test::tiny_config(3));
  for (const char* name : {"lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"})
    EXPECT_TRUE(same_bytes(out.tensor(name), model.tensor(name)));
  for (size_t i = 0; i < result.kept.size(); ++i) {
    for (const char* rest : {"mlp.down_proj.weight", "self_attn.k_proj.weight", "input_layernorm.weight"}) {
      EXPECT_TRUE(same_bytes(out.tensor(fmt::format("model.layers.{}.{}", i, rest)),
                             model.tensor(fmt::format("model.layers.{}.{}", result.kept[i], rest))));
    }
  }
}

TEST(Apply, RecordsWhereTheModelCameFrom) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "model"));
  PrunePlan plan = removing({2});
  plan.criterion = "ppl";
  test::apply(model, plan, dir / "out", {"shorten", "prune"}, false);
  const Json record = read_json(dir / "out/shorten.json");
  EXPECT_EQ(record["format"], "shorten.pruned");
  EXPECT_EQ(record["source"]["fingerprint"], model.fingerprint());
  EXPECT_EQ(record["blocks"].dump(), R"([{"new":0,"old":0},{"new":1,"old":1},{"new":2,"old":3}])");
  EXPECT_EQ(record["plan"]["remove"].dump(), "[2]");
  EXPECT_EQ(record["plan"]["criterion"], "ppl");
  EXPECT_EQ(record["argv"].dump(), R"(["shorten","prune"])");
  EXPECT_EQ(record["parameters"]["after"], test::kTinyOtherParameters + 3 * test::kTinyBlockParameters);
}

TEST(Apply, CopiesWhatBelongsToTheModelAndNothingElse) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model");
  for (const char* name :
       {"README.md", "tokenizer.model", "chat_template.jinja", "generation_config.json", "pytorch_model.bin",
        "pytorch_model.bin.index.json", "old.pt", "x.gguf", "adapter_config.json", "other.safetensors", "shorten.json",
        ".gitattributes", "onnx/model.onnx"}) {
    test::write(dir / "model" / name, std::string("bytes of ") + name);
  }
  const Checkpoint model(dir / "model");
  test::apply(model, removing({1}), dir / "out", {}, false);
  std::vector<std::string> names;
  for (const auto& item : fs::directory_iterator(dir / "out")) names.push_back(item.path().filename().string());
  EXPECT_THAT(names, testing::UnorderedElementsAre("LICENSE", "README.md", "chat_template.jinja", "config.json",
                                                   "generation_config.json", "model.safetensors", "shorten.json",
                                                   "tokenizer.json", "tokenizer.model"));
  EXPECT_EQ(test::read_text(dir / "out/tokenizer.model"), "bytes of tokenizer.model");
}

TEST(Apply, LeavesOutRotaryTablesAndATiedHead) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model", 3);
  test::TinyTensors tensors(3);
  for (int i = 0; i < 3; ++i) tensors.add(fmt::format("model.layers.{}.self_attn.rotary_emb.inv_freq", i), {1});
  std::vector<Tensor> all = tensors.all();
  all[0].bytes = all[1].bytes;  // a tied head that is stored too is the embedding
  fs::remove(dir / "model/model.safetensors");
  checkpoint::write_safetensors(dir / "model/model.safetensors", all, {});
  test::edit(dir / "model/config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
  const Checkpoint model(dir / "model");
  const ApplyResult result = test::apply(model, removing({0}), dir / "out", {}, false);
  const Checkpoint out(dir / "out");
  EXPECT_FALSE(out.has("lm_head.weight"));
  EXPECT_FALSE(out.has("model.layers.0.self_attn.rotary_emb.inv_freq"));
  EXPECT_EQ(out.tensors().size(), 2u + 2 * 9);
  EXPECT_EQ(result.parameters_before, test::kTinyOtherParameters - 32 + 3 * test::kTinyBlockParameters);
}

TEST(Apply, KeepsATiedHeadThatStandsForTheEmbedding) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model", 3);
  const test::TinyTensors tiny(3);
  std::vector<Tensor> tensors = tiny.all();
  std::erase_if(tensors, [](const Tensor& t) { return t.name == "model.embed_tokens.weight"; });
  fs::remove(dir / "model/model.safetensors");
  checkpoint::write_safetensors(dir / "model/model.safetensors", tensors, {});
  test::edit(dir / "model/config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
  const Checkpoint model(dir / "model");
  const ApplyResult result = test::apply(model, removing({1}), dir / "out", {}, false);
  const Checkpoint out(dir / "out");
  EXPECT_TRUE(same_bytes(out.tensor("lm_head.weight"), model.tensor("lm_head.weight")));
  EXPECT_FALSE(out.has("model.embed_tokens.weight"));
  EXPECT_EQ(result.parameters_after, test::kTinyOtherParameters - 32 + 2 * test::kTinyBlockParameters);
}

TEST(Apply, TheRecordLeadsBackToTheOriginal) {
  const test::TempDir dir;
  const Checkpoint original(test::write_tiny_model(dir / "original"));
  test::apply(original, removing({0}), dir / "first", {}, false);
  const Checkpoint first(dir / "first");
  test::apply(first, removing({1}), dir / "second", {}, false);
  const Json record = read_json(dir / "second/shorten.json");
  EXPECT_EQ(record["source"]["fingerprint"], first.fingerprint());
  EXPECT_EQ(record["blocks"].dump(), R"([{"new":0,"old":0},{"new":1,"old":2}])") << "old: in the immediate source";
  EXPECT_EQ(record["source"]["shorten"], read_json(dir / "first/shorten.json"));
  EXPECT_EQ(record["source"]["shorten"]["source"]["fingerprint"], original.fingerprint());
  EXPECT_FALSE(record["source"]["shorten"]["source"].contains("shorten"));
}

TEST(Apply, ARecordThatCannotBeReadIsLeftOutWithAWarning) {
  for (const char* content : {"{", "[]", R"({"format": "other", "version": 1})"}) {
    const test::TempDir dir;
    test::write_tiny_model(dir / "model");
    test::write(dir / "model/shorten.json", content);
    const test::Messages messages;
    test::apply(Checkpoint(dir / "model"), removing({1}), dir / "out", {}, false);
    EXPECT_THAT(messages.said(), testing::HasSubstr("shorten.json")) << content;
    EXPECT_FALSE(read_json(dir / "out/shorten.json")["source"].contains("shorten")) << content;
  }
}

TEST(Apply, AnErrorOfTheReportLeavesNothing) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "model"));
  const std::set<std::string> before = test::paths_in(dir.path());
  EXPECT_THROW(test::apply(model, removing({1}), dir / "out", {}, false,
                           [](const ApplyResult&) { throw no_space("nobody reads this"); }),
               Error);
  EXPECT_EQ(test::paths_in(dir.path()), before);
}

TEST(Apply, HalfBlocksCannotBeWrittenYet) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "model"));
  PrunePlan plan = removing({1});
  plan.remove.push_back({2, plan::Part::kMlp});
  try {
    test::apply(model, plan, dir / "out");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUnsupported);
    EXPECT_EQ(e.found(), "block 2 mlp");
  }
  EXPECT_FALSE(fs::exists(dir / "out"));
}

TEST(Apply, InTwoStepsGivesTheSameModelAsInOne) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_shards(dir / "model", 6));
  test::apply(model, removing({1, 4}), dir / "once", {}, false);
  test::apply(model, removing({1}), dir / "half", {}, false);
  test::apply(Checkpoint(dir / "half"), removing({3}), dir / "twice", {}, false);
  EXPECT_EQ(Checkpoint(dir / "once").fingerprint(), Checkpoint(dir / "twice").fingerprint());
  EXPECT_EQ(test::read_text(dir / "once/model.safetensors"), test::read_text(dir / "twice/model.safetensors"));
}

TEST(Apply, ForceReplacesAnOldOutput) {
  const test::TempDir dir;
  const Checkpoint model(test::write_tiny_model(dir / "model"));
  test::apply(model, removing({1, 2}), dir / "out", {}, false);
  EXPECT_THROW(test::apply(model, removing({1}), dir / "out", {}, false), Error);
  EXPECT_EQ(Checkpoint(dir / "out").config()["num_hidden_layers"], 2);
  test::apply(model, removing({1}), dir / "out", {}, true);
  EXPECT_EQ(Checkpoint(dir / "out").config()["num_hidden_layers"], 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 2);
}

TEST(Inventory, CountsBlocksThatAreNotAlike) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model", 2);
  test::TinyTensors tensors(2);
  tensors.add("model.layers.1.self_attn.q_norm.weight", {2});
  fs::remove(dir / "model/model.safetensors");
  checkpoint::write_safetensors(dir / "model/model.safetensors", tensors.all(), {});
  const plan::Inventory inventory = plan::take_inventory(Checkpoint(dir / "model"), 2);
  EXPECT_THAT(inventory.block_parameters, ElementsAre(test::kTinyBlockParameters, test::kTinyBlockParameters + 2));
  EXPECT_EQ(inventory.parameters, test::kTinyOtherParameters + 2 * test::kTinyBlockParameters + 2);
  EXPECT_EQ(inventory.bytes, 4 * inventory.parameters);
}

}  // namespace
}  // namespace shorten::prune
