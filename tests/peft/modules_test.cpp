// SPDX-License-Identifier: Apache-2.0
// Which modules an adapter has: what PEFT makes of configurations in a model of three blocks.
#include "peft/modules.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "test_data.h"
#include "tiny_model.h"

namespace shorten::peft {
namespace {

class PeftModules : public testing::Test {
 protected:
  std::vector<AdaptedPart> parts(const Json& config) const {
    return read_adapted_parts(JsonObject(config, "c.json"), base_, 2, 4);
  }

 private:
  const test::TempDir temp_;
  const family::ModelSpec base_ = family::read_spec(checkpoint::Checkpoint(test::write_tiny_model(temp_ / "model", 3)));
};

TEST_F(PeftModules, AreThoseOfPeft) {
  for (const Json& c : read_json(test::source_dir() / "tests/golden/peft_modules.json")) {
    const Json& config = c.at("config");
    if (c.at("parts").is_null()) {
      EXPECT_THROW(parts(config), Error) << config;
      continue;
    }
    Json got = Json::array();
    for (const AdaptedPart& part : parts(config))
      got.push_back(fmt::format("{} {} {}/{}", part.block, part.module, part.rank, part.alpha));
    EXPECT_EQ(got, c.at("parts")) << config;
  }
}

TEST_F(PeftModules, WhatIsNoConfigurationIsSaid) {
  for (const auto& [text, says] :
       {std::pair(R"({"target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": "h"})", "no module"),
        {R"({"target_modules": "all-linear", "layers_to_transform": [0]})", "layers_to_transform"},
        {R"({"target_modules": ["q_proj"], "layers_to_transform": 0, "layers_pattern": [1]})", "layers_pattern"}}) {
    EXPECT_THAT(([&, text = text] { parts(Json::parse(text)); }),
                testing::ThrowsMessage<Error>(testing::HasSubstr(says)))
        << text;
  }
}

TEST_F(PeftModules, NoExpressionTakesForEver) {
  const auto read = [&](const std::string& expression) { parts({{"target_modules", expression}}); };
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

}  // namespace
}  // namespace shorten::peft
