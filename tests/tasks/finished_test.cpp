// SPDX-License-Identifier: Apache-2.0
#include "tasks/finished.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "temp_dir.h"

namespace shorten::tasks {
namespace {

using ::testing::HasSubstr;

const AnswerKey kKey = {{"task", "boolq"}, {"profile", "v0.4.3"}, {"number of documents", 2}};
const TaskAnswers kAnswers = {{{-1.0 / 3, true}, {-INFINITY, false}}, {{-1e-300, false}}};

std::vector<Example> two_examples() {
  std::vector<Example> out(2);
  out[0].requests = {{"a", "b"}, {"a", "c"}};
  out[1].requests = {{"d", "e"}};
  return out;
}
const std::vector<Example> kExamples = two_examples();

class Finished : public ::testing::Test {
 protected:
  test::TempDir temp;
  fs::path file = temp / "boolq.json";
  std::string why;

  void SetUp() override { write_finished(file, kKey, kAnswers); }
  auto read(const AnswerKey& key = kKey, std::span<const Example> examples = kExamples) {
    return read_finished(file, key, examples, why);
  }
};

TEST_F(Finished, ComesBackBitForBit) {
  const auto answers = read();
  ASSERT_TRUE(answers);
  EXPECT_EQ(why, "");
  for (size_t i = 0; i < kAnswers.size(); ++i) {
    ASSERT_EQ((*answers)[i].size(), kAnswers[i].size());
    for (size_t r = 0; r < kAnswers[i].size(); ++r) {
      EXPECT_EQ((*answers)[i][r].loglikelihood, kAnswers[i][r].loglikelihood);
      EXPECT_EQ((*answers)[i][r].greedy, kAnswers[i][r].greedy);
    }
  }
}

TEST_F(Finished, SaysWhatDiffers) {
  AnswerKey key = kKey;
  key["profile"] = "v0.3-sep";
  EXPECT_FALSE(read(key));
  EXPECT_EQ(why, "the profile was v0.4.3");
  key = kKey;
  key["dtype"] = "fp32";
  EXPECT_FALSE(read(key));
  EXPECT_EQ(why, "the earlier answers do not say the dtype");
}

TEST_F(Finished, IsSilentWhereThereIsNothing) {
  file = temp / "other.json";
  EXPECT_FALSE(read());
  EXPECT_EQ(why, "");
}

TEST_F(Finished, IsNotTakenIfItDoesNotFit) {
  EXPECT_FALSE(read(kKey, std::span(kExamples).first(1)));
  EXPECT_THAT(why, HasSubstr("incomplete"));
}

TEST_F(Finished, IsNotTakenIfItIsDamaged) {
  const std::string whole = read_file(file);
  for (
      const std::string& content :
      {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"), std::string("{\"format\": \"x\"}"),
       R"({"format": "shorten.answers", "key": {"task": "boolq", "profile": "v0.4.3", "number of documents": 2}, "answers": [["x"], [1]]})" +
           std::string()}) {
    std::ofstream(file) << content;
    EXPECT_FALSE(read()) << content;
    EXPECT_NE(why, "") << content;
  }
}

}  // namespace
}  // namespace shorten::tasks
