// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/error.h"
#include "golden.h"
#include "model/loader.h"
#include "score/criterion.h"
#include "score/run.h"

namespace shorten::score {
namespace {

TEST(Criteria, EveryOneInTheTableIsComputed) {
  const auto dir = test::golden_models() / "llama-gqa";
  const model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  const ScoreInput input{model, test::ids_tensor(read_json(dir / "expected.json")["calibration"]), 5};
  std::vector<std::string> names;
  for (const plan::CriterionInfo& c : plan::criteria()) names.emplace_back(c.name);
  const ScoreOutput out = run_criteria(input, names, uint64_t{1} << 30);
  ASSERT_EQ(out.criteria.size(), names.size());
  for (size_t c = 0; c < names.size(); ++c) {
    EXPECT_EQ(out.criteria[c].first, names[c]);
    EXPECT_EQ(out.criteria[c].second.scores.size(), model.blocks.size());
  }
}

TEST(Criteria, RandomDependsOnTheSeedAlone) {
  const auto dir = test::golden_models() / "llama-gqa";
  const model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  const auto scores = [&](uint64_t seed) {
    return run_criteria({model, {}, seed}, {"random"}, 1).criteria[0].second.scores;
  };
  EXPECT_EQ(scores(1), scores(1));
  EXPECT_NE(scores(1), scores(2));
}

}  // namespace
}  // namespace shorten::score
