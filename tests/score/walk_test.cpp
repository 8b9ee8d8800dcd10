// SPDX-License-Identifier: Apache-2.0
// The lockstep walk against plain forwards, for any removal sets; no oracle needed.
#include "score/walk.h"

#include <numeric>

#include "core/random.h"
#include "golden.h"
#include "model/loader.h"

namespace shorten::score {
namespace {

const std::function<void(int64_t)> kNoProgress = [](int64_t) {};

double plain_sum(const model::CausalLm& model, const Tensor& ids, const RemovalSet& removed) {
  const at::NoGradGuard no_gradients;
  const model::Context context = model.context(ids.size(1));
  Tensor hidden = model.embed(ids);
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    if (!std::binary_search(removed.begin(), removed.end(), static_cast<int>(i)))
      hidden = model.blocks.lease(i)->forward(hidden, context);
  }
  const int64_t t = ids.size(1);
  return model
      .token_nll(hidden.narrow(1, 0, t - 1).reshape({-1, model.spec.hidden}), ids.narrow(1, 1, t - 1).reshape({-1}))
      .sum(at::kDouble)
      .item<double>();
}

std::vector<RemovalSet> random_sets(int blocks, int count) {
  Random random(3);
  std::vector<RemovalSet> sets = {{}};
  for (int s = 1; s < count; ++s) {
    RemovalSet set;
    for (int b = 0; b < blocks; ++b) {
      if (random.below(3) == 0) set.push_back(b);
    }
    sets.push_back(set);
  }
  RemovalSet all(static_cast<size_t>(blocks));
  std::iota(all.begin(), all.end(), 0);
  sets.push_back(all);
  sets.push_back(sets[1]);  // twice the same
  return sets;
}

class Walk : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path dir = test::golden_models() / GetParam();
  model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  Tensor ids = test::ids_tensor(read_json(dir / "expected.json")["calibration"]);
};

TEST_P(Walk, EqualsPlainForwardsForAnySets) {
  const std::vector<RemovalSet> sets = random_sets(static_cast<int>(model.blocks.size()), 12);
  for (const int64_t tile : {1, 40, 1 << 20}) {  // single rows, single states, all states together
    const std::vector<double> sums = walk(model, ids, sets, {}, kNoProgress, {tile});
    for (size_t s = 0; s < sets.size(); ++s)
      EXPECT_NEAR(sums[s], plain_sum(model, ids, sets[s]), 1e-3) << "set " << s << " tile " << tile;
  }
}

TEST_P(Walk, ObservesTheIntactModel) {
  std::vector<Tensor> before, after;
  const std::vector<RemovalSet> sets = {{0}, {1}};  // none of them intact
  walk(
      model, ids, sets,
      [&](int, const Tensor& b, const Tensor& a) {
        before.push_back(b);
        after.push_back(a);
      },
      kNoProgress);
  ASSERT_EQ(before.size(), model.blocks.size());
  const at::NoGradGuard no_gradients;
  const model::Context context = model.context(ids.size(1));
  Tensor hidden = model.embed(ids);
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    EXPECT_LT((before[i] - hidden).abs().max().item<double>(), 1e-5);
    hidden = model.blocks.lease(i)->forward(hidden, context);
    EXPECT_LT((after[i] - hidden).abs().max().item<double>(), 1e-5);
  }
}

TEST_P(Walk, EvaluatesNoMoreBlocksThanItSays) {
  for (const int count : {1, 5, 20}) {
    const std::vector<RemovalSet> sets = random_sets(static_cast<int>(model.blocks.size()), count);
    int64_t evaluated = 0;
    walk(model, ids, sets, {}, [&](int64_t n) { evaluated += n; });
    EXPECT_EQ(evaluated, count_evaluations(static_cast<int64_t>(model.blocks.size()), sets));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Walk, ::testing::Values("llama-gqa", "qwen2-window", "llama-rope-dynamic"),
                         test::case_name);

TEST(CountEvaluations, LeavingOutEachBlockOnce) {
  std::vector<RemovalSet> sets = {{}};
  for (int b = 0; b < 32; ++b) sets.push_back({b});
  EXPECT_EQ(count_evaluations(32, sets), 32 * 33 / 2);
}

}  // namespace
}  // namespace shorten::score
