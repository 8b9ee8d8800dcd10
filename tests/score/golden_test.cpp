// SPDX-License-Identifier: Apache-2.0
// Scores of every family against the plain way in Transformers, in fp64 (golden/README.md).
#include "golden.h"

#include <cmath>

#include "model/loader.h"
#include "score/run.h"

namespace shorten::score {
namespace {

// The tolerance covers fp32 arithmetic on our side.
void expect_near(const std::vector<double>& got, const Json& want, double relative, double absolute = 0) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], want[i].get<double>(), absolute + relative * std::abs(want[i].get<double>())) << "block " << i;
}

void expect_detail(const plan::CriterionScores& scores, const Json& want) {
  for (const auto& [block, tensors] : want.items()) {
    const auto& detail = scores.detail.at(std::stoul(block));
    EXPECT_EQ(detail.size(), tensors.size());
    for (const auto& [name, value] : tensors.items()) {
      ASSERT_TRUE(detail.contains(name)) << name;
      EXPECT_NEAR(detail.at(name), value.get<double>(), 1e-4 * std::abs(value.get<double>()) + 1e-7)
          << "block " << block << " " << name;
    }
  }
}

class GoldenScores : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path dir = test::golden_models() / GetParam();
  Json expected = read_json(dir / "expected.json");
  model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  ScoreInput input{model, test::ids_tensor(expected["calibration"]), 0};
};

TEST_P(GoldenScores, EqualTransformersInOnePass) {
  const ScoreOutput out = run_criteria(input, {"ppl", "taylor", "magnitude", "bi"}, uint64_t{1} << 30);
  const Json& want = expected["scores"];
  EXPECT_NEAR(*out.baseline_perplexity, expected["baseline_perplexity"].get<double>(),
              1e-4 * expected["baseline_perplexity"].get<double>());
  expect_near(out.criteria[0].second.scores, want["ppl"], 1e-4);
  expect_near(out.criteria[1].second.scores, want["taylor"], 1e-4);
  expect_detail(out.criteria[1].second, want["taylor_detail"]);
  expect_near(out.criteria[2].second.scores, want["magnitude"], 1e-6);
  expect_detail(out.criteria[2].second, want["magnitude_detail"]);
  expect_near(out.criteria[3].second.scores, want["bi"], 1e-5, 1e-7);
}

TEST_P(GoldenScores, DoNotDependOnTheMemoryGiven) {
  const ScoreOutput whole = run_criteria(input, {"ppl", "taylor", "bi"}, uint64_t{1} << 30);
  const ScoreOutput grouped = run_criteria(input, {"ppl", "taylor", "bi"}, 1);  // a row at a time
  for (size_t c = 0; c < whole.criteria.size(); ++c)
    expect_near(grouped.criteria[c].second.scores, whole.criteria[c].second.scores, 1e-5, 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenScores, ::testing::ValuesIn(test::golden_cases()), test::case_name);

}  // namespace
}  // namespace shorten::score
