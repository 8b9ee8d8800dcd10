// SPDX-License-Identifier: Apache-2.0
// Perplexity of the model with the block left out: Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834).
//   I_b = exp( mean over samples and positions of -log p_without_b(x_t | x_<t) )
#include <cmath>

#include "score/criterion.h"

namespace shorten::score {
namespace {

class PplScorer final : public Scorer {
 public:
  explicit PplScorer(size_t blocks) : blocks_(blocks) {}

  std::vector<plan::RemovalSet> variants() const override {
    std::vector<plan::RemovalSet> sets;
    for (size_t b = 0; b < blocks_; ++b) sets.push_back({{static_cast<int>(b), plan::Part::kWhole}});
    return sets;
  }

  plan::CriterionScores finish(const ScoreInput&, std::span<const double> mean_nll) override {
    plan::CriterionScores out;
    for (const double nll : mean_nll) out.scores.push_back(std::exp(nll));
    return out;
  }

 private:
  size_t blocks_;
};

const Registered kPpl("ppl", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> {
  return std::make_unique<PplScorer>(shape.blocks());
});

}  // namespace
}  // namespace shorten::score
