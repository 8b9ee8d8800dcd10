// SPDX-License-Identifier: Apache-2.0
#include "plan/scores.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/json_text.h"
#include "temp_dir.h"

namespace shorten::plan {
namespace {

using testing::ElementsAre;
constexpr double kInf = std::numeric_limits<double>::infinity();

Scores example() {
  Scores s;
  s.model = {"dir", "llama", "sha256:" + std::string(64, '0'), 3};
  s.calibration = Calibration{{{"a.txt", "ff"}}, 10, 128, "document", UINT64_MAX, "ee"};
  s.compute = {"cpu", "fp32", "0.1.0"};
  s.baseline_perplexity = 32.6;
  s.criteria = {{"taylor", {{0.1, 0.30000000000000004, 1e-300}, {{{"w", 0.1}}, {{"w", 0.3}}, {{"w", 1e-300}}}}},
                {"ppl", {{964.1, kInf, 33}, {}}}};
  return s;
}

TEST(Scores, ReadBackAsTheyWere) {
  const test::TempDir dir;
  const Scores before = example();
  test::write(dir / "s.json", readable_json(to_json(before)));
  const Scores after = read_scores(dir / "s.json");
  EXPECT_EQ(to_json(after), to_json(before));
  EXPECT_EQ(after.criteria[0].first, "taylor");
  EXPECT_EQ(after.criteria[0].second.scores, before.criteria[0].second.scores);
  EXPECT_EQ(after.criteria[0].second.detail, before.criteria[0].second.detail);
  EXPECT_EQ(after.find("ppl")->scores[1], kInf);
  EXPECT_EQ(after.find("absent"), nullptr);
  EXPECT_EQ(after.calibration->seed, UINT64_MAX);
  EXPECT_EQ(after.model.blocks, 3);
}

TEST(Scores, InfinityIsText) {
  const Json json = to_json(example());
  EXPECT_EQ(json["criteria"]["ppl"]["scores"].dump(), "[964.1,\"inf\",33.0]");
  EXPECT_EQ(json["criteria"]["ppl"]["order"].dump(), "[2,0,1]");
}

TEST(Scores, MayBeOfHalfBlocks) {
  Scores s = example();
  EXPECT_FALSE(to_json(s)["criteria"]["ppl"].contains("units"));
  CriterionScores halves{{3, 1}, {{{"w", 3}}, {{"w", 1}}}, {{0, Part::kMlp}, {2, Part::kAttention}}};
  s.criteria = {{"mine", halves}};
  const test::TempDir dir;
  test::write(dir / "s.json", readable_json(to_json(s)));
  const Scores after = read_scores(dir / "s.json");
  EXPECT_EQ(after.find("mine")->units, halves.units);
  EXPECT_EQ(after.find("mine")->detail, halves.detail);
  EXPECT_THAT(after.find("mine")->order(), ElementsAre(1, 0));
  EXPECT_EQ(example().find("ppl")->unit(2), (Unit{2, Part::kWhole}));
}

TEST(Scores, NaNIsNeverWritten) {
  for (const double bad : {std::nan(""), -kInf}) {
    Scores s = example();
    s.criteria[1].second.scores[0] = bad;
    try {
      to_json(s);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kDiverged);
      EXPECT_THAT(e.message(), testing::HasSubstr("the ppl score of block 0"));
    }
  }
}

TEST(Scores, OnlyWhatPlanningNeedsIsRequired) {
  const test::TempDir dir;
  test::write(dir / "s.json",
              "{\"format\": \"shorten.scores\", \"version\": 1, \"later\": 1, \"model\": {\"blocks\": 2, "
              "\"fingerprint\": \"sha256:" +
                  std::string(64, 'a') + "\"}, \"criteria\": {\"mine\": {\"scores\": [2, 1]}}}");
  const Scores scores = read_scores(dir / "s.json");
  EXPECT_THAT(scores.find("mine")->order(), ElementsAre(1, 0));
  EXPECT_FALSE(scores.calibration);
}

TEST(Order, TiesGoByIndexAndInfinityComesLast) {
  EXPECT_THAT((CriterionScores{{2, kInf, 1, 2, 1}, {}}.order()), ElementsAre(2, 4, 0, 3, 1));
}

}  // namespace
}  // namespace shorten::plan
