// SPDX-License-Identifier: Apache-2.0
// Block influence: ShortGPT (Men et al. 2024, arXiv 2403.03853).
//   BI_b = 1 - mean over tokens of cos(x_b, x_{b+1})
// with the residual stream before and after block b, the last one before the final norm.
#include "score/criterion.h"

namespace shorten::score {
namespace {

class BlockInfluenceScorer final : public Scorer {
 public:
  explicit BlockInfluenceScorer(size_t blocks) : cosines_(blocks), tokens_(blocks) {}

  bool observes() const override { return true; }

  void observe(int block, int64_t, const Tensor& before, const Tensor& after) override {
    const auto i = static_cast<size_t>(block);
    // In fp32 at least: neighbouring blocks differ in the fourth digit of a cosine close to 1.
    const Tensor x = before.to(at::kFloat), y = after.to(at::kFloat);
    const Tensor cosine = (x * y).sum(-1, false, at::kDouble) /
                          (x.square().sum(-1, false, at::kDouble) * y.square().sum(-1, false, at::kDouble)).sqrt();
    cosines_[i] += cosine.sum().item<double>();
    tokens_[i] += static_cast<double>(cosine.numel());
  }

  plan::CriterionScores finish(std::span<const double>) override {
    plan::CriterionScores out;
    for (size_t i = 0; i < cosines_.size(); ++i) out.scores.push_back(1 - cosines_[i] / tokens_[i]);
    return out;
  }

 private:
  std::vector<double> cosines_, tokens_;
};

}  // namespace

std::unique_ptr<Scorer> make_bi(const ScoreInput& input) {
  return std::make_unique<BlockInfluenceScorer>(input.model.blocks.size());
}

}  // namespace shorten::score
