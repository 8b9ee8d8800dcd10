// SPDX-License-Identifier: Apache-2.0
// Block influence: ShortGPT (Men et al. 2024, arXiv 2403.03853).
//   BI_b = 1 - mean over tokens of cos(x_b, x_{b+1})
// with the residual stream before and after block b, the last one before the final norm.
#include "score/criterion.h"

namespace shorten::score {
namespace {

class BlockInfluenceScorer final : public Scorer {
 public:
  explicit BlockInfluenceScorer(size_t blocks) : cosines_(blocks) {}

  Observes observes() const override { return {.states = true}; }

  void observe(int block, int64_t, const Tensor& before, const Tensor& after) override {
    // In fp32 at least: neighbouring blocks differ in the fourth digit of a cosine close to 1.
    const Tensor x = before.to(at::kFloat), y = after.to(at::kFloat);
    // A state of zeros has no direction; the clamp makes its cosine 0 instead of NaN.
    const auto length = [](const Tensor& v) {
      return at::linalg_vector_norm(v, 2, at::IntArrayRef{-1}).clamp_min(1e-8);
    };
    const Tensor cosine = (x * y).sum(-1) / length(x) / length(y);
    cosines_[static_cast<size_t>(block)].push_back(cosine.flatten());
  }

  plan::CriterionScores finish(const ScoreInput&, std::span<const double>) override {
    plan::CriterionScores out;
    for (const std::vector<Tensor>& cosines : cosines_)
      out.scores.push_back(1 - at::cat(cosines).mean(at::kDouble).item<double>());
    return out;
  }

 private:
  std::vector<std::vector<Tensor>>
      cosines_;  // [block][group of rows] → one value a token; read from the device at the end
};

const Registered kBi("bi", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> {
  return std::make_unique<BlockInfluenceScorer>(shape.blocks());
});

}  // namespace
}  // namespace shorten::score
