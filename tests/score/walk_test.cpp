// SPDX-License-Identifier: Apache-2.0
// The lockstep walk against plain forwards, for any removal sets; no oracle needed.
#include "score/walk.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "golden.h"
#include "model/loader.h"
#include "score/random_sets.h"

namespace shorten::score {
namespace {

using plan::Part;
using plan::RemovalSet;
using test::random_sets;

Tensor plain_hidden(const model::CausalLm& model, const Tensor& ids, const RemovalSet& removed) {
  const model::Context context = model.context(ids.size(1));
  Tensor hidden = model.embed(ids);
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    const int block = static_cast<int>(i);
    const bool attention = !removes(removed, block, Part::kAttention), mlp = !removes(removed, block, Part::kMlp);
    if (attention && mlp) {
      hidden = model.blocks.lease(i)->forward(hidden, context);
    } else if (attention) {
      hidden = model.blocks.lease(i)->attention(hidden, context);
    } else if (mlp) {
      hidden = model.blocks.lease(i)->mlp(hidden);
    }
  }
  return hidden.narrow(1, 0, ids.size(1) - 1).reshape({-1, model.spec.hidden});
}

double plain_nll(const model::CausalLm& model, const Tensor& ids, const RemovalSet& removed) {
  const at::NoGradGuard no_gradients;
  return model.token_nll(plain_hidden(model, ids, removed), ids.narrow(1, 1, ids.size(1) - 1).reshape({-1}))
      .sum(at::kDouble)
      .item<double>();
}

double plain_kl(const model::CausalLm& model, const Tensor& ids, const RemovalSet& removed) {
  const at::NoGradGuard no_gradients;
  const auto log_p = [&](const RemovalSet& set) {
    return model.head(plain_hidden(model, ids, set)).to(at::kDouble).log_softmax(-1);
  };
  const Tensor intact = log_p({});
  return (intact.exp() * (intact - log_p(removed))).sum().item<double>();
}

// Bytes of tensors on a CPU, now and at the peak.
class Meter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    now_ += bytes;
    peak = std::max(peak, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak = 0;

 private:
  int64_t now_ = 0;
};

class Walk : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<double> sums(const std::vector<RemovalSet>& sets, const WalkOptions& options = {},
                           const WalkHooks& hooks = {}) {
    return walk(model, ids, sets, plan_walk(model, ids.size(0), ids.size(1), sets, options), hooks);
  }
  int blocks() const { return static_cast<int>(model.blocks.size()); }

  std::filesystem::path dir = test::golden_models() / GetParam();
  model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  Tensor ids = test::ids_tensor(read_json(dir / "expected.json")["calibration"]);
};

TEST_P(Walk, EqualsPlainForwardsForAnySets) {
  for (const bool halves : {false, true}) {
    const std::vector<RemovalSet> sets = random_sets(blocks(), 12, halves);
    for (const int64_t tile : {1, 40, 1 << 20}) {  // single rows, single states, all states together
      const std::vector<double> nll = sums(sets, {.tile_tokens = tile});
      const std::vector<double> kl = sums(sets, {.objective = Objective::kKl, .tile_tokens = tile});
      for (size_t s = 0; s < sets.size(); ++s) {
        EXPECT_NEAR(nll[s], plain_nll(model, ids, sets[s]), 1e-3) << "set " << s << " tile " << tile;
        const double expected = plain_kl(model, ids, sets[s]);
        EXPECT_NEAR(kl[s], expected, 1e-5 * expected + 1e-4) << "set " << s << " tile " << tile;
      }
      EXPECT_EQ(kl[0], 0);
    }
  }
}

TEST_P(Walk, DivergesFromAModelThatNobodyAskedFor) {
  const std::vector<RemovalSet> sets = {{{0, Part::kWhole}}, {{1, Part::kMlp}}};
  const std::vector<double> kl = sums(sets, {.objective = Objective::kKl});
  for (size_t s = 0; s < sets.size(); ++s) {
    const double expected = plain_kl(model, ids, sets[s]);
    EXPECT_NEAR(kl[s], expected, 1e-5 * expected + 1e-4);
  }
}

TEST_P(Walk, ObservesTheIntactModel) {
  const std::vector<RemovalSet> sets = {{{0, Part::kWhole}}, {{1, Part::kMlp}}};  // none of them intact
  for (const int64_t tile : {1, 1 << 20}) {
    std::vector<Tensor> before, after, heads(model.blocks.size()), units(model.blocks.size());
    std::vector<int> weights;
    WalkHooks hooks;
    hooks.weights = [&](int block, const model::Block&) { weights.push_back(block); };
    hooks.states = [&](int, int64_t, const Tensor& b, const Tensor& a) {
      before.push_back(b);
      after.push_back(a);
    };
    hooks.inputs = [&](int block, int64_t first_row, model::Projection projection, const Tensor& input) {
      Tensor& all = (projection == model::Projection::kO ? heads : units)[static_cast<size_t>(block)];
      EXPECT_EQ(first_row, all.defined() ? all.size(0) : 0);
      all = all.defined() ? at::cat({all, input}) : input.clone();
    };
    sums(sets, {.intact = Intact::kAlone, .tile_tokens = tile}, hooks);
    ASSERT_EQ(before.size(), model.blocks.size());
    EXPECT_EQ(weights.size(), model.blocks.size());

    const at::NoGradGuard no_gradients;
    const model::Context context = model.context(ids.size(1));
    const auto off = [](const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); };
    Tensor hidden = model.embed(ids);
    for (size_t i = 0; i < model.blocks.size(); ++i) {
      const model::Block& block = model.blocks[i];
      EXPECT_LT(off(before[i], hidden), 1e-5);
      const Tensor attended = block.attention(hidden, context);
      EXPECT_LT(off(hidden + at::linear(heads[i], block.o.weight, block.o.bias), attended), 1e-5);
      EXPECT_LT(off(attended + at::linear(units[i], block.down.weight, block.down.bias), block.mlp(attended)), 1e-5);
      hidden = block.forward(hidden, context);
      EXPECT_LT(off(after[i], hidden), 1e-5);
    }
  }
}

TEST_P(Walk, EvaluatesAsManyBlocksAsItsPlanSays) {
  for (const bool halves : {false, true}) {
    for (const uint64_t memory : {uint64_t{1} << 30, uint64_t{20000}, uint64_t{1}}) {
      const std::vector<RemovalSet> sets = random_sets(blocks(), 12, halves);
      const WalkPlan plan = plan_walk(model, ids.size(0), ids.size(1), sets, {.memory = memory});
      int64_t evaluated = 0;
      WalkHooks hooks;
      hooks.progress = [&](int64_t n) { evaluated += n; };
      walk(model, ids, sets, plan, hooks);
      EXPECT_EQ(evaluated, plan.evaluations);
    }
  }
}

TEST_P(Walk, StaysWithinItsMemory) {
  const at::NoGradGuard no_gradients;
  const int64_t rows = 8, length = 48;
  ids = at::randint(model.spec.vocabulary, {rows, length}, at::kLong);
  const uint64_t state = static_cast<uint64_t>(rows * length * model.spec.hidden) * 4;
  constexpr uint64_t kContext = 100'000;  // rotary table, masks, sums
  const std::vector<RemovalSet> sets = random_sets(blocks(), 40, true);
  const std::vector<double> whole = sums(sets);
  for (const int64_t tile : {48, 1000, 1 << 20}) {
    for (const Objective objective : {Objective::kNll, Objective::kKl}) {
      const WalkOptions unlimited{.objective = objective, .tile_tokens = tile};
      const uint64_t all = plan_walk(model, rows, length, sets, unlimited).bytes;
      for (const uint64_t memory : {all, all / 3, all / 8}) {
        WalkOptions options = unlimited;
        options.memory = memory;
        const WalkPlan plan = plan_walk(model, rows, length, sets, options);
        EXPECT_LE(plan.bytes, memory) << "tile " << tile;
        const auto meter = std::make_shared<Meter>();
        std::vector<double> got;
        {
          const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
          got = walk(model, ids, sets, plan);
        }
        EXPECT_LE(static_cast<uint64_t>(meter->peak), plan.bytes + kContext) << "tile " << tile;
        if (plan.sets == sets.size()) {  // what is counted is really there
          const int64_t together = std::max<int64_t>(1, tile / (plan.rows * length));
          const Schedule schedule = make_schedule(blocks(), sets, plan.options.intact, together);
          const auto states = static_cast<uint64_t>(cost_of(schedule).live_states * plan.rows);
          EXPECT_GE(static_cast<uint64_t>(meter->peak), states * state / static_cast<uint64_t>(rows));
        }
        for (size_t s = 0; s < sets.size() && objective == Objective::kNll; ++s)
          EXPECT_NEAR(got[s], whole[s], 1e-5 * whole[s]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Walk, ::testing::Values("llama-gqa", "qwen2-window", "llama-rope-dynamic"),
                         test::case_name);

}  // namespace
}  // namespace shorten::score
