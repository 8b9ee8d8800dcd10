// SPDX-License-Identifier: Apache-2.0
// Weight magnitude: Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834).
//   I_b = sum over the weights W of block b, norms included and biases not, of sum |W_ij|
#include "score/criterion.h"

namespace shorten::score {
namespace {

class MagnitudeScorer final : public Scorer {
 public:
  void observe_weights(int, const model::Block& block) override {
    Sums& sums = sums_.emplace_back();
    for (const model::Parameter& p : block.parameters()) {
      if (!p.name.ends_with("weight")) continue;
      sums.names.push_back(p.name);
      sums.values.push_back(p.view().abs().sum(at::kDouble));
    }
  }

  plan::CriterionScores finish(const ScoreInput&, std::span<const double>) override {
    plan::CriterionScores out;
    for (const Sums& sums : sums_) {
      const Tensor values = at::stack(sums.values).to(at::kCPU);
      double total = 0;
      std::map<std::string, double> detail;
      for (size_t k = 0; k < sums.names.size(); ++k)
        total += detail[sums.names[k]] = values[static_cast<int64_t>(k)].item<double>();
      out.scores.push_back(total);
      out.detail.push_back(std::move(detail));
    }
    return out;
  }

 private:
  struct Sums {
    std::vector<std::string> names;
    std::vector<Tensor> values;  // a number each; read from the device at the end
  };
  std::vector<Sums> sums_;  // a block each
};

const Registered kMagnitude("magnitude", [](const ScoreShape&) -> std::unique_ptr<Scorer> {
  return std::make_unique<MagnitudeScorer>();
});

}  // namespace
}  // namespace shorten::score
