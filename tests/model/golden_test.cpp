// SPDX-License-Identifier: Apache-2.0
// Every family and option against Transformers: log-probabilities in fp32 within 1e-4.
#include "golden.h"

#include "model/loader.h"
#include "model/plain_forward.h"

namespace shorten::model {
namespace {

Tensor logprobs(const CausalLm& model, const Tensor& ids) {
  return at::log_softmax(logits(model, ids), -1).to(at::kDouble);
}

double largest_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

class GoldenModel : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path dir = test::golden_models() / GetParam();
  Json expected = read_json(dir / "expected.json");
  CausalLm model = load(checkpoint::Checkpoint(dir), at::kCPU, at::kFloat);
};

TEST_P(GoldenModel, LogProbabilitiesEqualTransformers) {
  for (size_t i = 0; i < expected["inputs"].size(); ++i) {
    const Tensor want = test::numbers_tensor(expected["logprobs"][i]);
    const Tensor got = logprobs(model, test::ids_tensor(Json::array({expected["inputs"][i]})))[0];
    EXPECT_LT(largest_difference(got, want), 1e-4) << "row " << i;
  }
}

class GoldenPruned : public GoldenModel {};

TEST_P(GoldenPruned, LogProbabilitiesEqualTransformers) {
  std::vector<Block> kept;
  const auto& removed = expected["pruned"]["remove"];
  for (const BlockLease& block : model.blocks.forward()) {
    if (std::find(removed.begin(), removed.end(), block.index()) == removed.end()) kept.push_back(*block);
  }
  model.blocks = kept;
  const Tensor want = test::numbers_tensor(expected["pruned"]["logprobs_row0"]);
  EXPECT_LT(largest_difference(logprobs(model, test::ids_tensor(Json::array({expected["inputs"][0]})))[0], want), 1e-4);
}

// With gradients on, blocks are made of ATen operators; without, of our kernels.
TEST_P(GoldenModel, KernelsEqualPlainOperators) {
  const Tensor ids = test::ids_tensor(Json::array({expected["inputs"][0]}));
  const Tensor fused = logprobs(model, ids);
  const at::AutoGradMode gradients(true);
  const Context context = model.context(ids.size(1));
  Tensor hidden = model.embed(ids).requires_grad_();
  for (const BlockLease& block : model.blocks.forward()) hidden = block->forward(hidden, context);
  EXPECT_LT(largest_difference(at::log_softmax(model.head(hidden), -1).detach().to(at::kDouble), fused), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenPruned, ::testing::ValuesIn(test::golden_cases_with("pruned")), test::case_name);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenModel, ::testing::ValuesIn(test::golden_cases()), test::case_name);

}  // namespace
}  // namespace shorten::model
