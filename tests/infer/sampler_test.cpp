// SPDX-License-Identifier: Apache-2.0
// What is drawn, and how often, against probabilities worked out plainly in fp64.
#include "infer/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

namespace shorten::infer {
namespace {

const std::vector<double> kLogits = {1.0, -0.5, 2.5, 2.5, 0.0, -3.0, 1.9, -9.0};
constexpr int64_t kDraws = 6000;

// Probabilities after the filters, in the order of Transformers: temperature, top-k, top-p, min-p.
std::vector<double> plainly(const Sampling& s) {
  std::vector<double> p;
  for (const double x : kLogits) p.push_back(std::exp(x / s.temperature));
  const auto normalise = [&] {
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= sum;
  };
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  if (s.top_k > 0) {
    const double least = p[order[static_cast<size_t>(s.top_k) - 1]];
    for (double& x : p) x = x >= least ? x : 0;
  }
  normalise();
  double before = 0;
  for (const size_t i : order) {
    const double mine = p[i];
    if (s.top_p < 1 && before >= s.top_p) p[i] = 0;
    before += mine;
  }
  for (double& x : p) x = x >= s.min_p * p[order[0]] ? x : 0;
  normalise();
  return p;
}

std::vector<double> drawn(const Sampling& s) {
  const Tensor logits = at::tensor(kLogits, at::kDouble).to(at::kFloat).unsqueeze(0);
  Sampler sampler(s, 1, kDraws, logits.size(1), at::kCPU);
  std::vector<double> share(kLogits.size());
  for (int64_t i = 0; i < kDraws; ++i)
    share[sampler.next(logits, at::full({1}, i, at::kLong)).item<int64_t>()] += 1.0 / kDraws;
  return share;
}

void expect_shares(const Sampling& s) {
  const std::vector<double> want = plainly(s), got = drawn(s);
  for (size_t i = 0; i < want.size(); ++i) {
    if (want[i] == 0) {
      EXPECT_EQ(got[i], 0) << i;
    }
    EXPECT_NEAR(got[i], want[i], 5 * std::sqrt(want[i] * (1 - want[i]) / kDraws) + 1e-9) << i;
  }
}

Sampling at(double temperature) {
  Sampling s;
  s.temperature = temperature;
  s.seed = 11;
  return s;
}

TEST(Sampler, Temperature) {
  expect_shares(at(1));
  expect_shares(at(0.6));
  expect_shares(at(3));
}

TEST(Sampler, ATinyTemperatureIsGreedy) {
  Sampler sampler({.temperature = 1e-37}, 1, 1, 3, at::kCPU);
  const at::Tensor logits = at::tensor({50.0f, 60.0f, 59.0f}).unsqueeze(0);
  EXPECT_EQ(sampler.next(logits, at::zeros({1}, at::kLong)).item<int64_t>(), 1);
}

TEST(Sampler, TopKKeepsEquals) {
  for (const int64_t k : {1, 2, 3, 7, 8, 100}) {
    Sampling s = at(1.3);
    s.top_k = std::min<int64_t>(k, 8);
    expect_shares(s);
  }
}

TEST(Sampler, TopP) {
  for (const double p : {0.01, 0.35, 0.5, 0.8, 0.999}) {
    Sampling s = at(1);
    s.top_p = p;
    expect_shares(s);
  }
}

TEST(Sampler, MinP) {
  for (const double p : {0.001, 0.1, 0.5, 1.0}) {
    Sampling s = at(1);
    s.min_p = p;
    expect_shares(s);
  }
}

TEST(Sampler, AllFiltersTogether) {
  Sampling s = at(1.7);
  s.top_k = 5;
  s.top_p = 0.9;
  s.min_p = 0.2;
  expect_shares(s);
}

TEST(Sampler, GreedyTakesTheFirstOfEquals) {
  const Tensor logits = at::tensor(kLogits, at::kDouble).to(at::kFloat).unsqueeze(0);
  Sampler sampler({}, 1, 1, 8, at::kCPU);
  EXPECT_EQ(sampler.next(logits, at::zeros({1}, at::kLong)).item<int64_t>(), 2);
}

TEST(Sampler, PenaltyCountsThePromptAndWhatWasMade) {
  Sampling s;
  s.repetition_penalty = 2;
  Sampler sampler(s, 2, 4, 8, at::kCPU);
  const Tensor logits = at::tensor(kLogits, at::kDouble).to(at::kFloat).expand({2, 8});
  // Row 0 has seen 2 and 3; row 1 only 6, the rest of it is padding.
  sampler.start(at::tensor({2, 3, 6, 2}, at::kLong).view({2, 2}), at::tensor({2, 1}, at::kLong));
  const auto next = [&] { return sampler.next(logits, at::zeros({1}, at::kLong)); };
  Tensor ids = next();
  EXPECT_EQ(ids[0].item<int64_t>(), 6);  // 2.5 / 2 is less than 1.9
  EXPECT_EQ(ids[1].item<int64_t>(), 2);
  ids = next();
  EXPECT_EQ(ids[0].item<int64_t>(), 2);  // all three are penalised now: 1.25, 1.25, 0.95, and 1.0 is left
  EXPECT_EQ(ids[1].item<int64_t>(), 3);
}

}  // namespace
}  // namespace shorten::infer
