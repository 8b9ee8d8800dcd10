// SPDX-License-Identifier: Apache-2.0
// Which modules an adapter has: lines of keys and what PEFT 0.21 makes of them in a model of three blocks.
#include "plan/peft_modules.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tiny_model.h"

namespace shorten::plan {
namespace {

struct Case {
  const char *config, *parts;  // "block module rank/alpha, ..."
};

const Case kCases[] = {
    {R"("target_modules": ["q_proj"])", "0 self_attn.q_proj 2/4, 1 self_attn.q_proj 2/4, 2 self_attn.q_proj 2/4"},
    {R"("target_modules": ["q_proj"], "layers_to_transform": 1)", "1 self_attn.q_proj 2/4"},
    {R"("target_modules": ["q_proj"], "layers_to_transform": [0, 2], "layers_pattern": "layers")",
     "0 self_attn.q_proj 2/4, 2 self_attn.q_proj 2/4"},
    {R"("target_modules": ["q_proj"], "layers_to_transform": [])",
     "0 self_attn.q_proj 2/4, 1 self_attn.q_proj 2/4, 2 self_attn.q_proj 2/4"},
    // A whole path is adapted wherever it is.
    {R"("target_modules": ["model.layers.0.self_attn.q_proj", "v_proj"], "layers_to_transform": [1])",
     "0 self_attn.q_proj 2/4, 1 self_attn.v_proj 2/4"},
    {R"("target_modules": ["layers.1.self_attn.k_proj"])", "1 self_attn.k_proj 2/4"},
    {R"("target_modules": ["q_proj"], "layers_to_transform": 1, "layers_pattern": ["h", "model.layers"])",
     "1 self_attn.q_proj 2/4"},
    {R"("target_modules": ["q_proj"], "layers_to_transform": 1, "layers_pattern": "l.*s")", "1 self_attn.q_proj 2/4"},
    {R"("target_modules": "all-linear", "exclude_modules": ".*\\.[01]\\..*|.*self_attn.*", "layers_to_transform": null)",
     "2 mlp.gate_proj 2/4, 2 mlp.up_proj 2/4, 2 mlp.down_proj 2/4"},
    {R"("target_modules": ["down_proj", "q_proj"], "exclude_modules": ["self_attn.q_proj"], "layers_to_transform": [2])",
     "2 mlp.down_proj 2/4"},
    {R"("target_modules": ".*layers\\.(0|2)\\..*_proj", "exclude_modules": ".*(mlp|[kvo]_proj).*")",
     "0 self_attn.q_proj 2/4, 2 self_attn.q_proj 2/4"},
    // An expression is of whole paths.
    {R"("target_modules": "model\\.layers\\.1\\.mlp\\.up_pro.")", "1 mlp.up_proj 2/4"},
    {R"("target_modules": "model|model\\.layers\\.1\\.mlp\\.up_proj")", "1 mlp.up_proj 2/4"},
    // What Python has and others have not.
    {R"("target_modules": "(?i)(?P<all>.*)(?<=LAYERS\\.)1(?!\\.mlp)\\.(?:\\w++\\.)[q]_proj\\Z")",
     "1 self_attn.q_proj 2/4"},
    {R"("target_modules": ["o_proj"], "rank_pattern": {"\\Amodel\\.layers\\.[^0]\\..*": 7})",
     "0 self_attn.o_proj 2/4, 1 self_attn.o_proj 7/4, 2 self_attn.o_proj 7/4"},
    // The first key that matches the end of a path counts.
    {R"("target_modules": ["o_proj"], "rank_pattern": {"layers.1.self_attn.o_proj": 5, "o_proj": 3, ".*": 9})",
     "0 self_attn.o_proj 3/4, 1 self_attn.o_proj 5/4, 2 self_attn.o_proj 3/4"},
    {R"("target_modules": ["o_proj"], "rank_pattern": {"proj": 3, "elf_attn.o_proj": 3}, "alpha_pattern": {"0\\..*": 8})",
     "0 self_attn.o_proj 2/8, 1 self_attn.o_proj 2/4, 2 self_attn.o_proj 2/4"},
    {R"("target_modules": ["o_proj"], "rank_pattern": {"^model.layers.2.self_attn.o_proj": 7})",
     "0 self_attn.o_proj 2/4, 1 self_attn.o_proj 2/4, 2 self_attn.o_proj 7/4"},
};

TEST(PeftModules, AreThoseOfPeft) {
  const test::TempDir temp;
  const family::ModelSpec base = family::read_spec(checkpoint::Checkpoint(test::write_tiny_model(temp / "model", 3)));
  for (const Case& c : kCases) {
    const Json config = Json::parse("{" + std::string(c.config) + "}");
    std::string got;
    for (const AdaptedPart& part : read_adapted_parts(JsonObject(config, "c.json"), base, 2, 4))
      got += fmt::format("{}{} {} {}/{}", got.empty() ? "" : ", ", part.block, part.module, part.rank, part.alpha);
    EXPECT_EQ(got, c.parts) << c.config;
  }
}

// Blocks of another family lie in a list of another name.
TEST(PeftModules, AListOfAnotherNameHasNoBlocks) {
  const test::TempDir temp;
  const family::ModelSpec base = family::read_spec(checkpoint::Checkpoint(test::write_tiny_model(temp / "model", 3)));
  const Json config =
      Json::parse(R"({"target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": "h"})");
  EXPECT_THAT([&] { read_adapted_parts(JsonObject(config, "c.json"), base, 2, 4); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("no module")));
}

TEST(PeftModules, NoExpressionTakesForEver) {
  const test::TempDir temp;
  const family::ModelSpec base = family::read_spec(checkpoint::Checkpoint(test::write_tiny_model(temp / "model", 3)));
  const auto read = [&](const std::string& expression) {
    const Json config = {{"target_modules", expression}};
    return read_adapted_parts(JsonObject(config, "c.json"), base, 2, 4).size();
  };
  std::string ahead = "x";
  for (int i = 0; i < 12; ++i) ahead = "(?:(?=(?:.)*" + ahead + ").)*";
  EXPECT_NO_THROW(read(ahead + ".*"));
  for (const std::string& expression :
       {std::string("(?:.|.)*[XY]"), std::string(7000, '(') + "q" + std::string(7000, ')'), std::string(90000, 'a'),
        std::string("(a{1,999}){1,999}{1,999}")}) {
    EXPECT_THAT([&] { read(expression); }, testing::ThrowsMessage<Error>(testing::HasSubstr("regular expression")))
        << expression.substr(0, 60);
  }
}

// What PEFT refuses, too.
TEST(PeftModules, BlocksAreNotChosenBesideAnExpression) {
  const test::TempDir temp;
  const family::ModelSpec base = family::read_spec(checkpoint::Checkpoint(test::write_tiny_model(temp / "model", 3)));
  for (const char* text : {R"({"target_modules": "all-linear", "layers_to_transform": [0]})",
                           R"({"target_modules": ".*", "layers_to_transform": 0})",
                           R"({"target_modules": ["q_proj"], "layers_to_transform": 0, "layers_pattern": [1]})"}) {
    const Json config = Json::parse(text);
    EXPECT_THAT([&] { read_adapted_parts(JsonObject(config, "c.json"), base, 2, 4); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("layers_")))
        << text;
  }
}

}  // namespace
}  // namespace shorten::plan
