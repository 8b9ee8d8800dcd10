// SPDX-License-Identifier: Apache-2.0
// Likelihoods of windows: equal to Transformers' whatever shares a beginning with what, and the same bits whatever
// else is asked.
#include "infer/likelihood.h"

#include <cmath>

#include "golden.h"
#include "model/loader.h"

namespace shorten::infer {
namespace {

using Documents = std::vector<std::vector<text::Window>>;
using Scores = std::vector<std::vector<text::WindowScore>>;  // [document][window]

LikelihoodOptions with(const std::function<void(LikelihoodOptions&)>& change) {
  LikelihoodOptions options;
  change(options);
  return options;
}

Scores score(const model::CausalLm& model, const Documents& documents, const LikelihoodOptions& options = {}) {
  Scores out(documents.size());
  score_documents(model, documents, options, [&](size_t d, std::vector<text::WindowScore> scores) {
    EXPECT_TRUE(out[d].empty()) << "document " << d << " comes twice";
    out[d] = std::move(scores);
  });
  return out;
}

class Likelihood : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path dir = test::golden_models() / GetParam();
  Json expected = read_json(dir / "expected.json");
  model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);

  std::vector<text::TokenId> input(size_t i) const { return expected["inputs"][i].get<std::vector<text::TokenId>>(); }
  size_t inputs() const { return expected["inputs"].size(); }
  double logprob(size_t i, size_t position, text::TokenId id) const {
    return expected["logprobs"][i][position][static_cast<size_t>(id)].get<double>();
  }

  // Questions about one input, as choices are: beginnings of it of several lengths, then tokens of which only the
  // first is known to Transformers' table; and the whole input with all of its targets.
  Documents questions() const {
    Documents out;
    for (size_t i = 0; i < inputs(); ++i) {
      const auto ids = input(i);
      auto& windows = out.emplace_back();
      windows.push_back({ids, 1});
      for (const size_t kept : {ids.size() / 2, ids.size() / 2, ids.size() - 1, size_t{1}}) {
        for (const text::TokenId id : {1, 2, 7}) {
          std::vector<text::TokenId> asked(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept));
          asked.push_back(id);
          windows.push_back({asked, static_cast<int64_t>(kept)});
          asked.insert(asked.end(), {5, 3, 3});
          windows.push_back({asked, static_cast<int64_t>(kept)});
        }
      }
    }
    return out;
  }
};

// The golden inputs have different lengths; each is a document of its own, three times.
TEST_P(Likelihood, EqualsTransformers) {
  Documents documents;
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (size_t i = 0; i < inputs(); ++i) documents.push_back({{input(i), 1, true}});
  }
  const Scores scores = score(model, documents);
  for (size_t d = 0; d < documents.size(); ++d) {
    const auto ids = input(d % inputs());
    ASSERT_EQ(scores[d][0].logprobs.size(), ids.size() - 1);
    double sum = 0;
    for (size_t p = 1; p < ids.size(); ++p) {
      EXPECT_NEAR(scores[d][0].logprobs[p - 1], logprob(d % inputs(), p - 1, ids[p]), 1e-4) << d << " " << p;
      sum += static_cast<double>(scores[d][0].logprobs[p - 1]);
    }
    EXPECT_DOUBLE_EQ(scores[d][0].sum, sum);
  }
}

// Transformers' table is of whole inputs: beginnings of them are asked only where the rotation does not depend on the
// length.
class LikelihoodOfTrees : public Likelihood {};

TEST_P(LikelihoodOfTrees, EqualsTransformers) {
  const Documents documents = questions();
  const Scores scores = score(model, documents);
  for (size_t d = 0; d < documents.size(); ++d) {
    for (size_t w = 0; w < documents[d].size(); ++w) {
      const text::Window& window = documents[d][w];
      const auto first = static_cast<size_t>(window.first_target);
      EXPECT_NEAR(scores[d][w].logprobs[0], logprob(d, first - 1, window.ids[first]), 1e-4) << d << " " << w;
    }
  }
}

TEST_P(Likelihood, SharingChangesOnlyRounding) {
  const Documents documents = questions();
  const Scores shared = score(model, documents), alone = score(model, documents, with([](auto&o) { o.share = false; }));
  for (size_t d = 0; d < documents.size(); ++d) {
    for (size_t w = 0; w < documents[d].size(); ++w) {
      ASSERT_EQ(shared[d][w].logprobs.size(), alone[d][w].logprobs.size());
      EXPECT_EQ(shared[d][w].greedy, alone[d][w].greedy) << d << " " << w;
      for (size_t t = 0; t < alone[d][w].logprobs.size(); ++t)
        EXPECT_NEAR(shared[d][w].logprobs[t], alone[d][w].logprobs[t], 2e-5) << d << " " << w << " " << t;
    }
  }
}

TEST_P(Likelihood, HasTheSameBitsWhateverElseIsAsked) {
  const Documents documents = questions();
  const Scores together = score(model, documents);
  Scores others = score(model, documents, with([](auto& o) { o.batch_tokens = 1; }));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Scores one_thread = score(model, documents, with([](auto& o) { o.batch_tokens = 100000; }));
  at::set_num_threads(threads);
  for (size_t d = 0; d < documents.size(); ++d) {
    const Scores alone = score(model, {documents[d]});
    for (size_t w = 0; w < documents[d].size(); ++w) {
      EXPECT_EQ(together[d][w].logprobs, others[d][w].logprobs);
      EXPECT_EQ(together[d][w].logprobs, one_thread[d][w].logprobs);
      EXPECT_EQ(together[d][w].logprobs, alone[0][w].logprobs);
      EXPECT_EQ(together[d][w].sum, alone[0][w].sum);
    }
  }
}

TEST_P(Likelihood, GreedyIsTheLikeliestTokenEverywhere) {
  Documents documents;
  std::vector<bool> want;
  for (size_t i = 0; i < inputs(); ++i) {
    auto ids = input(i);
    const auto row = expected["logprobs"][i][ids.size() - 2].get<std::vector<double>>();
    const auto best = static_cast<text::TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
    for (const text::TokenId id : {best, best == 0 ? 1 : 0}) {
      ids.back() = id;
      documents.push_back({{ids, static_cast<int64_t>(ids.size()) - 1}});
      want.push_back(id == best);
    }
  }
  const Scores scores = score(model, documents);
  for (size_t d = 0; d < documents.size(); ++d) EXPECT_EQ(scores[d][0].greedy, want[d]) << d;
}

TEST_P(Likelihood, RoundsAsAsked) {
  const Documents documents = {{{input(0), 1}}};
  const Scores exact = score(model, documents);
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    const double step = dtype == at::kHalf ? 1.0 / 1024 : 1.0 / 128;  // relative
    const Scores logits = score(model, documents, with([&](auto&o) { o.logits = dtype; })),
                 all = score(model, documents, with([&](auto&o) { o.softmax = dtype; }));
    double moved = 0;
    for (size_t t = 0; t < exact[0][0].logprobs.size(); ++t) {
      const float x = exact[0][0].logprobs[t];
      EXPECT_NEAR(logits[0][0].logprobs[t], x, 16 * step);
      EXPECT_NEAR(all[0][0].logprobs[t], x, 16 * step);
      const float rounded = at::scalar_tensor(all[0][0].logprobs[t]).to(dtype).to(at::kFloat).item<float>();
      EXPECT_EQ(rounded, all[0][0].logprobs[t]);
      moved += std::abs(x - logits[0][0].logprobs[t]);
    }
    EXPECT_GT(moved, 0);
    EXPECT_EQ(all[0][0].sum, at::scalar_tensor(all[0][0].sum, at::kFloat).to(dtype).to(at::kDouble).item<double>());
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Likelihood, ::testing::Values("llama-rope-longrope", "mistral-window", "qwen3-window"),
                         test::case_name);

INSTANTIATE_TEST_SUITE_P(Cases, LikelihoodOfTrees,
                         ::testing::Values("llama-gqa", "llama-rope-yarn", "mistral-window", "qwen2-window",
                                           "qwen3-window"),
                         test::case_name);

}  // namespace
}  // namespace shorten::infer
