// SPDX-License-Identifier: Apache-2.0
// Greedy text token for token as Transformers makes it without a cache (golden/generate.json), one sequence at a time
// and as a batch of different lengths; cached steps against full passes; NaN is named.
#include "infer/generator.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "golden.h"
#include "model/device.h"
#include "model/loader.h"

namespace shorten::infer {
namespace {

using ::testing::HasSubstr;

// Opened before the first ATen call, as the plug-in demands.
const at::Device kAccelerator = model::open_device("auto");

const Json& golden() {
  static const Json values = read_json(test::source_dir() / "tests/golden/generate.json");
  return values;
}

std::vector<std::string> case_names() {
  std::vector<std::string> out;
  for (const auto& [name, value] : golden()["cases"].items()) out.push_back(name);
  return out;
}

model::CausalLm load(const std::string& name, at::Device device, at::ScalarType dtype = at::kFloat) {
  const auto dir = name == "novelist-14m" ? test::source_dir() / "examples/novelist-14m" : test::golden_models() / name;
  return model::load(checkpoint::Checkpoint(dir), device, dtype);
}

std::vector<Ids> generate(const model::CausalLm& model, const std::vector<Ids>& prompts, size_t tokens,
                          const Sampling& sampling = {}) {
  size_t longest = 0;
  for (const Ids& prompt : prompts) longest = std::max(longest, prompt.size());
  Generator generator(model, sampling, static_cast<int64_t>(prompts.size()), static_cast<int64_t>(longest),
                      static_cast<int64_t>(tokens));
  generator.start(prompts);
  generator.advance(static_cast<int64_t>(tokens) - 1);
  return generator.tokens();
}

struct Expected {
  std::vector<Ids> prompts, ids;
};
Expected expected(const std::string& name, const std::string& kind) {
  Expected out;
  for (const Json& one : golden()["cases"][name][kind]) {
    out.prompts.push_back(one["prompt"].get<Ids>());
    out.ids.push_back(one["ids"].get<Ids>());
  }
  return out;
}

class Greedy : public ::testing::TestWithParam<std::string> {
 protected:
  void expect_transformers(at::Device device) const {
    const model::CausalLm model = load(GetParam(), device);
    const Expected want = expected(GetParam(), "greedy");
    const size_t tokens = want.ids[0].size();
    EXPECT_EQ(generate(model, want.prompts, tokens), want.ids);
    for (size_t i = 0; i < want.prompts.size(); ++i)
      EXPECT_EQ(generate(model, {want.prompts[i]}, tokens)[0], want.ids[i]) << i;
    Sampling penalty;
    penalty.repetition_penalty = golden()["repetition_penalty"];
    const Expected other = expected(GetParam(), "penalty");
    EXPECT_EQ(generate(model, other.prompts, tokens, penalty), other.ids);
    for (const size_t few : {1u, 2u, 3u}) {  // a graph is captured with less to do than its trials
      const std::vector<Ids> got = generate(model, want.prompts, few);
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], Ids(want.ids[i].begin(), want.ids[i].begin() + static_cast<std::ptrdiff_t>(few))) << few;
    }
  }

  // The logits of cached steps are those of a pass over everything.
  void expect_full_passes(at::Device device) const {
    const at::NoGradGuard no_gradients;
    for (const auto& [dtype, tolerance] : {std::pair(at::kFloat, 1e-4), std::pair(at::kBFloat16, 0.15)}) {
      const model::CausalLm model = load(GetParam(), device, dtype);
      const Json& one = golden()["cases"][GetParam()]["greedy"][0];
      Ids all = one["prompt"].get<Ids>();
      const auto first = static_cast<int64_t>(all.size());
      for (const int32_t id : one["ids"].get<Ids>()) all.push_back(id);
      const Tensor ids = at::tensor(std::vector<int64_t>(all.begin(), all.end()), at::kLong).to(device);
      const model::Context context = model.context(ids.size(0));
      Tensor hidden = model.embed(ids.unsqueeze(0));
      for (const model::BlockLease& block : model.blocks.forward()) hidden = block->forward(hidden, context);
      const Tensor full = model.head(hidden)[0].to(at::kFloat);  // [T, V]

      model::DecodeState state = model::make_decode_state(model, 1, ids.size(0));
      const Tensor length = at::full({1}, first, ids.options());
      Tensor last = model::prefill(model, state, ids.narrow(0, 0, first).unsqueeze(0), length);
      for (int64_t t = first; t < ids.size(0); ++t) {
        const Tensor logits = model::step_head(model, last)[0].to(at::kFloat);
        const double scale = full[t - 1].abs().max().item<double>();
        EXPECT_LT((logits - full[t - 1]).abs().max().item<double>(), tolerance * scale) << t;
        last = model::step(model, state, ids.narrow(0, t, 1));
      }
    }
  }
};

TEST_P(Greedy, EqualsTransformers) { expect_transformers(at::kCPU); }

TEST_P(Greedy, EqualsTransformersOnCuda) {
  if (!kAccelerator.is_cuda()) GTEST_SKIP() << "no CUDA device";
  expect_transformers(kAccelerator);
}

TEST_P(Greedy, StepsEqualFullPasses) { expect_full_passes(at::kCPU); }

TEST_P(Greedy, StepsEqualFullPassesOnCuda) {
  if (!kAccelerator.is_cuda()) GTEST_SKIP() << "no CUDA device";
  expect_full_passes(kAccelerator);
}

INSTANTIATE_TEST_SUITE_P(Cases, Greedy, ::testing::ValuesIn(case_names()), test::case_name);

TEST(Generator, BeginsAnew) {
  const model::CausalLm model = load("llama-gqa", at::kCPU);
  const Expected want = expected("llama-gqa", "greedy");
  Generator generator(model, {}, 1, 8, 24);
  for (const size_t i : {0u, 1u, 0u}) {
    generator.start({want.prompts[i]});
    generator.advance(23);
    EXPECT_EQ(generator.tokens()[0], want.ids[i]);
  }
}

TEST(Generator, MoreRowsThanTheKernelsTake) {
  const model::CausalLm model = load("qwen3", at::kCPU);
  const Expected want = expected("qwen3", "greedy");
  std::vector<Ids> prompts;
  for (size_t r = 0; r < 19; ++r) prompts.push_back(want.prompts[r % 4]);
  const std::vector<Ids> got = generate(model, prompts, 24);
  for (size_t r = 0; r < 19; ++r) EXPECT_EQ(got[r], want.ids[r % 4]) << r;
}

TEST(Generator, SeededTextRepeatsAndDoesNotDependOnTheBatch) {
  const model::CausalLm model = load("llama-gqa", at::kCPU);
  Sampling sampling;
  sampling.temperature = 1.5;
  sampling.seed = 7;
  const auto all = generate(model, {{1, 2}, {1, 2}, {3}}, 24, sampling);
  EXPECT_EQ(generate(model, {{1, 2}, {1, 2}, {3}}, 24, sampling), all);
  EXPECT_EQ(generate(model, {{1, 2}}, 24, sampling)[0], all[0]);
  EXPECT_NE(all[0], all[1]) << "every row has draws of its own";
  sampling.seed = 8;
  EXPECT_NE(generate(model, {{1, 2}}, 24, sampling)[0], all[0]);
}

TEST(Generator, NanIsNamedByItsBlock) {
  for (const auto& [block, name] : {std::pair(0, "block 0"), std::pair(1, "block 1")}) {
    const model::CausalLm model = load("llama-gqa", at::kCPU);
    model.blocks.lease(static_cast<size_t>(block))
        ->down.weight.dense()[3][2]
        .fill_(std::numeric_limits<float>::quiet_NaN());
    try {
      generate(model, {{1, 2, 3}}, 4);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kDiverged);
      EXPECT_EQ(error.where(), name);
    }
  }
}

}  // namespace
}  // namespace shorten::infer
