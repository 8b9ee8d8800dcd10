// SPDX-License-Identifier: Apache-2.0
// Weight magnitude: Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834).
//   I_b = sum over the weights W of block b, norms included and biases not, of sum |W_ij|
#include "score/criterion.h"

namespace shorten::score {
namespace {

class MagnitudeScorer final : public Scorer {
 public:
  explicit MagnitudeScorer(const model::CausalLm& model) : model_(model) {}

  plan::CriterionScores finish(std::span<const double>) override {
    const at::NoGradGuard no_gradients;
    plan::CriterionScores out;
    for (const model::BlockLease& block : model_.blocks.forward()) {
      double total = 0;
      std::map<std::string, double> detail;
      for (const model::Parameter& p : block->parameters()) {
        if (!p.name.ends_with("weight")) continue;
        total += detail[p.name] = p.view().abs().sum(at::kDouble).item<double>();
      }
      out.scores.push_back(total);
      out.detail.push_back(std::move(detail));
    }
    return out;
  }

 private:
  const model::CausalLm& model_;
};

}  // namespace

std::unique_ptr<Scorer> make_magnitude(const ScoreInput& input) {
  return std::make_unique<MagnitudeScorer>(input.model);
}

}  // namespace shorten::score
