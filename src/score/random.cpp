// SPDX-License-Identifier: Apache-2.0
// The baseline that every criterion must beat: uniform numbers from the seed.
#include "core/random.h"

#include "score/criterion.h"

namespace shorten::score {
namespace {

class RandomScorer final : public Scorer {
 public:
  RandomScorer(size_t blocks, uint64_t seed) : blocks_(blocks), seed_(seed) {}

  plan::CriterionScores finish(const ScoreInput&, std::span<const double>) override {
    plan::CriterionScores out;
    Random random(seed_);
    for (size_t i = 0; i < blocks_; ++i) out.scores.push_back(random.uniform());
    return out;
  }

 private:
  size_t blocks_;
  uint64_t seed_;
};

const Registered kRandom("random", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> {
  return std::make_unique<RandomScorer>(shape.blocks(), shape.seed);
});

}  // namespace
}  // namespace shorten::score
