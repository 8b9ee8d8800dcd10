// SPDX-License-Identifier: Apache-2.0
// Losses of variants, asked of a model that stays loaded.
#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "engine/engine.h"
#include "golden.h"
#include "plan/scores.h"

namespace shorten::engine {
namespace {

using plan::Part;
using plan::RemovalSet;

class Evaluators : public ::testing::TestWithParam<std::string> {
 protected:
  EvaluatorRequest request(EvaluatorRequest::Loss loss) const {
    EvaluatorRequest request;
<<<<<<< HEAD
    const fs::path model = test::golden_models() / GetParam();
    request.model = source_of(family::open_model(model.string()));
    const Json expected = read_json(model / "expected.json");
=======
    const std::string dir = (test::golden_models() / GetParam()).string();
    request.model = source_of(family::open_model(dir));
    const Json expected = read_json(fs::path(dir) / "expected.json");
>>>>>>> wt-layout
    for (const Json& row : expected["calibration"]) request.rows.push_back(row.get<std::vector<text::TokenId>>());
    request.loss = loss;
    request.compute = {"cpu", "fp32", 0};
    return request;
  }
  std::unique_ptr<Evaluator> evaluator(EvaluatorRequest::Loss loss) const {
    return shorten_engine()->evaluator(request(loss));
  }
};

TEST_P(Evaluators, GiveThePerplexityThatScoresGive) {
  const auto evaluator = this->evaluator(EvaluatorRequest::Loss::kNll);
  std::vector<RemovalSet> sets;
  for (int b = 0; b < evaluator->blocks(); ++b) sets.push_back({{b, Part::kWhole}});
  int64_t done = 0, all = 0;
  const std::vector<double> losses = evaluator->losses(sets, [&](int64_t d, int64_t a) {
    done = d;
    all = a;
  });
  EXPECT_EQ(done, all);
  const EvaluatorRequest r = request(EvaluatorRequest::Loss::kNll);
  const ScoreResponse scores = shorten_engine()->score({r.model, {"ppl"}, r.rows, 0, 1, r.compute});
  for (size_t b = 0; b < sets.size(); ++b)
    EXPECT_NEAR(std::exp(losses[b]), scores.criteria[0].second.scores[b], 1e-5 * scores.criteria[0].second.scores[b]);
  EXPECT_NEAR(std::exp(evaluator->losses(std::vector<RemovalSet>{{}})[0]), *scores.baseline_perplexity,
              1e-5 * *scores.baseline_perplexity);
}

TEST_P(Evaluators, DivergeFromTheIntactModel) {
  const auto evaluator = this->evaluator(EvaluatorRequest::Loss::kKl);
  const std::vector<RemovalSet> sets = {{{0, Part::kAttention}}, {}, {{0, Part::kAttention}, {1, Part::kWhole}}};
  const std::vector<double> losses = evaluator->losses(sets);
  EXPECT_GT(losses[0], 0);
  EXPECT_EQ(losses[1], 0);
  EXPECT_GT(losses[2], 0);
  // One set alone and with others, and once more after them.
  EXPECT_NEAR(evaluator->losses(std::span(sets).subspan(2))[0], losses[2], 1e-5 * losses[2]);
}

TEST_P(Evaluators, TakeHalvesForABlock) {
  const auto evaluator = this->evaluator(EvaluatorRequest::Loss::kNll);
  const std::vector<RemovalSet> sets = {{{1, Part::kMlp}, {1, Part::kAttention}}, {{1, Part::kWhole}}};
  const std::vector<double> losses = evaluator->losses(sets);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_THAT(evaluator->losses({}), testing::IsEmpty());
  const std::vector<RemovalSet> none = {{{static_cast<int>(evaluator->blocks()), Part::kMlp}}};
  EXPECT_THROW(evaluator->losses(none), Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, Evaluators, ::testing::Values("llama-gqa", "qwen2-window"), test::case_name);

}  // namespace
}  // namespace shorten::engine
