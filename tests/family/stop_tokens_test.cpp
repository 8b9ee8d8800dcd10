// SPDX-License-Identifier: Apache-2.0
#include "family/stop_tokens.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "temp_dir.h"
#include "test_data.h"

namespace shorten::family {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StopTokens : public ::testing::Test {
 protected:
  StopTokens() {
    fs::copy(test::source_dir() / "tests/golden/models/llama-gqa", temp.path(), fs::copy_options::recursive);
  }

  std::vector<int64_t> read(const std::string& generation, const std::string& config = "null") {
    Json json = read_json(temp / "config.json");
    json["eos_token_id"] = Json::parse(config);
    test::write(temp / "config.json", json.dump());
    fs::remove(temp / "generation_config.json");
    if (!generation.empty()) test::write(temp / "generation_config.json", generation);
    return read_stop_tokens(checkpoint::Checkpoint(temp.path()), 48);
  }
  std::string refused(const std::string& generation) {
    try {
      read(generation);
    } catch (const Error& error) {
      return error.block();
    }
    return "nothing was refused";
  }

  test::TempDir temp;
};

TEST_F(StopTokens, GenerationConfigFirst) {
  EXPECT_THAT(read(R"({"eos_token_id": [2, 5]})", "7"), ElementsAre(2, 5));
  EXPECT_THAT(read(R"({"eos_token_id": 3})", "7"), ElementsAre(3));
  EXPECT_THAT(read(R"({"eos_token_id": null})", "7"), ElementsAre(7));
  EXPECT_THAT(read("", "[7, 8]"), ElementsAre(7, 8));
  EXPECT_THAT(read(""), IsEmpty());
}

TEST_F(StopTokens, MustBeTokens) {
  for (const char* wrong : {R"({"eos_token_id": 48})", R"({"eos_token_id": -1})", R"({"eos_token_id": "</s>"})",
                            R"({"eos_token_id": [2, 2.5]})"}) {
    EXPECT_THAT(refused(wrong), HasSubstr("generation_config.json"));
    EXPECT_THAT(refused(wrong), HasSubstr("0 to 47"));
  }
}

}  // namespace
}  // namespace shorten::family
