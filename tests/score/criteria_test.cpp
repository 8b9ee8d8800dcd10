// SPDX-License-Identifier: Apache-2.0
#include "plan/criteria.h"

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

TEST(Criteria, SayTheSameAsTheTable) {
  const auto dir = test::golden_models() / "llama-gqa";
  const family::ModelSpec spec = family::read_spec(checkpoint::Checkpoint(dir));
  for (const plan::CriterionInfo& c : plan::criteria()) {
    const std::unique_ptr<Scorer> scorer = make_scorer(c.name, {spec});
    const Observes observes = scorer->observes();
    EXPECT_EQ(c.needs_text, !scorer->variants().empty() || observes.states || observes.inputs) << c.name;
  }
  for (const std::string_view name : registered_criteria()) {
    if (name == "toy") continue;  // toy_criterion_test.cpp
    EXPECT_NO_THROW(plan::find_criterion(name)) << name;
  }
  EXPECT_THROW(make_scorer("perplexity", {spec}), Error);
}

TEST(Criteria, TogetherCostWhatTheyHaveInCommonOnce) {
  const auto dir = test::golden_models() / "llama-gqa";
  const family::ModelSpec spec = family::read_spec(checkpoint::Checkpoint(dir));
  const auto blocks = static_cast<double>(spec.blocks.size());
  const double tokens = 10 * 32,
               per_block = 2 * tokens * static_cast<double>(family::count_parameters(spec).block_parameters) / blocks,
               per_head = 2 * tokens * static_cast<double>(spec.vocabulary * spec.hidden);
  const uint64_t state = 10 * 32 * static_cast<uint64_t>(spec.hidden) * 4;
  const auto cost = [&](const std::vector<std::string>& names) { return estimate(spec, 10, 32, 4, names); };
  EXPECT_EQ(cost({"magnitude", "random"}).flops, 0);
  EXPECT_DOUBLE_EQ(cost({"bi"}).flops, blocks * per_block + per_head);
  EXPECT_EQ(cost({"bi"}).walk_bytes, 2 * state);
  EXPECT_DOUBLE_EQ(cost({"bi", "ppl"}).flops, blocks * (blocks + 1) / 2 * per_block + (blocks + 1) * per_head);
  EXPECT_EQ(cost({"ppl"}).walk_bytes, (spec.blocks.size() + 1) * state);
  EXPECT_DOUBLE_EQ(cost({"bi", "taylor"}).flops, 4 * blocks * per_block + 4 * per_head);
  EXPECT_EQ(cost({"taylor"}).kept_bytes, (spec.blocks.size() + 1) * state);
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
