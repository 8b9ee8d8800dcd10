// SPDX-License-Identifier: Apache-2.0
// A whole criterion, as docs/adding-a-criterion.md describes it, that the program does not have: the mean square of
// what the block's down_proj is given.
//   A_b = mean over tokens and hidden units of u²,    u = silu(gate) · up
// In src/score/ this file and a line in plan/criteria.cpp would be all of it.
#include "golden.h"
#include "model/loader.h"
#include "score/run.h"

namespace shorten::score {
namespace {

class ToyScorer final : public Scorer {
 public:
  explicit ToyScorer(size_t blocks) : squares_(blocks) {}

  Observes observes() const override { return {.inputs = true}; }

  void observe_input(int block, int64_t, model::Projection projection, const Tensor& input) override {
    if (projection != model::Projection::kDown) return;
    squares_[static_cast<size_t>(block)].push_back(input.to(at::kFloat).square().mean(-1).flatten());
  }

  plan::CriterionScores finish(const ScoreInput&, std::span<const double>) override {
    plan::CriterionScores out;
    for (const std::vector<Tensor>& squares : squares_)
      out.scores.push_back(at::cat(squares).mean(at::kDouble).item<double>());
    return out;
  }

 private:
  std::vector<std::vector<Tensor>> squares_;  // [block][group of rows] → one value a token
};

const Registered kToy("toy", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> {
  return std::make_unique<ToyScorer>(shape.blocks());
});

TEST(ToyCriterion, RunsBesideTheOthers) {
  const auto dir = test::golden_models() / "llama-gqa";
  const model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
  const Tensor ids = test::ids_tensor(read_json(dir / "expected.json")["calibration"]);
  for (const uint64_t memory : {uint64_t{1}, uint64_t{1} << 30}) {
    const ScoreOutput out = run_criteria({model, ids, 0}, {"ppl", "toy"}, memory);

    const at::NoGradGuard no_gradients;
    const model::Context context = model.context(ids.size(1));
    Tensor x = model.embed(ids);
    for (size_t b = 0; b < model.blocks.size(); ++b) {
      const model::Block& block = *model.blocks.lease(b);
      const Tensor attended = block.attention(x, context), normed = block.post_attention_norm(attended);
      const std::vector<Tensor> gate_up =
          at::linear(normed, block.gate_up.weight.dense(), block.gate_up.bias).chunk(2, -1);
      const Tensor units = at::silu(gate_up[0]) * gate_up[1];
      const double expected = units.square().mean().item<double>();
      EXPECT_NEAR(out.criteria[1].second.scores[b], expected, 1e-5 * expected) << "block " << b;
      x = block.forward(x, context);
    }
  }
}

}  // namespace
}  // namespace shorten::score
