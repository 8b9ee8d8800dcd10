// SPDX-License-Identifier: Apache-2.0
// Log-probabilities of windows, whatever is batched together with what.
#include "eval/perplexity.h"

#include "golden.h"
#include "model/loader.h"

namespace shorten::eval {
namespace {

class WindowLogprobs : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path dir = test::golden_models() / GetParam();
  Json expected = read_json(dir / "expected.json");
  model::CausalLm model = model::load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
};

// The golden inputs have different lengths; each is given three times, in an order that mixes them.
TEST_P(WindowLogprobs, EqualTransformersInAnyBatch) {
  std::vector<text::Window> windows;
  std::vector<size_t> input_of;
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (size_t i = 0; i < expected["inputs"].size(); ++i) {
      windows.push_back({expected["inputs"][i].get<std::vector<text::TokenId>>(), 1});
      input_of.push_back(i);
    }
  }
  int64_t done = 0;
  const auto logprobs = window_logprobs(model, windows, [&](int64_t n) { done += n; });
  EXPECT_EQ(done, static_cast<int64_t>(windows.size()));
  for (size_t w = 0; w < windows.size(); ++w) {
    const auto& ids = windows[w].ids;
    ASSERT_EQ(logprobs[w].size(), ids.size() - 1);
    for (size_t p = 1; p < ids.size(); ++p) {
      const double want = expected["logprobs"][input_of[w]][p - 1][static_cast<size_t>(ids[p])].get<double>();
      EXPECT_NEAR(logprobs[w][p - 1], want, 1e-4) << "window " << w << " position " << p;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, WindowLogprobs,
                         ::testing::Values("llama-rope-longrope", "mistral-window", "qwen3-window"), test::case_name);

}  // namespace
}  // namespace shorten::eval
