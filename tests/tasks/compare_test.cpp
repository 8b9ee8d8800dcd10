// SPDX-License-Identifier: Apache-2.0
#include "tasks/compare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/check.h"
#include "golden_math.h"

namespace shorten::tasks {
namespace {

// Documents that only the first, only the second, both, and none got right, mixed.
std::pair<std::vector<double>, std::vector<double>> documents(int64_t only_first, int64_t only_second) {
  std::pair<std::vector<double>, std::vector<double>> out;
  const auto add = [&](double first, double second) {
    out.first.push_back(first);
    out.second.push_back(second);
  };
  for (int64_t i = 0; i < std::max(only_first, only_second); ++i) {
    if (i < only_first) add(1, 0);
    if (i % 3 == 0) add(1, 1);
    if (i % 5 == 0) add(0, 0);
    if (i < only_second) add(0, 1);
  }
  return out;
}

TEST(McNemarTest, IsTheExactBinomialTest) {
  for (const Json& golden : test::golden_math("mcnemar")) {
    const auto [first, second] = documents(golden[0], golden[1]);
    const McNemar test = mcnemar(first, second);
    EXPECT_EQ(test.only_first, golden[0].get<int64_t>());
    EXPECT_EQ(test.only_second, golden[1].get<int64_t>());
    const auto p = golden[2].get<double>();
    EXPECT_NEAR(test.p, p, 1e-12 * p) << golden;
    EXPECT_EQ(mcnemar(second, first).p, test.p);
  }
}

TEST(McNemarTest, FindsNothingBetweenEqualAnswers) {
  const std::vector<double> same{1, 0, 1, 1};
  EXPECT_EQ(mcnemar(same, same).p, 1);
  EXPECT_EQ(mcnemar({}, {}).p, 1);
  EXPECT_THROW(mcnemar(same, std::vector<double>{1}), CheckFailure);
}

using Tasks = std::vector<std::vector<double>>;

TEST(PairedBootstrapTest, IsThatOfPython) {
  for (const Json& golden : test::golden_math("paired")) {
    SCOPED_TRACE(golden.at("name"));
    const PairedBootstrap result =
        paired_bootstrap(golden.at("tasks").get<Tasks>(), golden.at("seed"), golden.at("resamples"));
    EXPECT_NEAR(result.difference, golden.at("difference").get<double>(), 1e-15);
    EXPECT_NEAR(result.low, golden.at("low").get<double>(), 1e-12);
    EXPECT_NEAR(result.high, golden.at("high").get<double>(), 1e-12);
    EXPECT_NEAR(result.p, golden.at("p").get<double>(), 1e-12);
    EXPECT_EQ(result.resamples, golden.at("resamples").get<int>());
  }
}

// One task of `n` documents with so many of them worse and better.
std::vector<double> task_of(size_t n, size_t worse, size_t better) {
  std::vector<double> out(n, 0.0);
  std::fill_n(out.begin(), worse, -1.0);
  std::fill_n(out.rbegin(), better, 1.0);
  return out;
}

TEST(PairedBootstrapTest, HasTheSpreadOfTheMean) {
  const size_t n = 2000;
  const PairedBootstrap result = paired_bootstrap(Tasks{task_of(n, 260, 140)}, 3);
  const double mean = -0.06, deviation = std::sqrt((0.2 - mean * mean) / static_cast<double>(n));
  EXPECT_DOUBLE_EQ(result.difference, mean);
  EXPECT_NEAR(result.low, mean - 1.96 * deviation, 0.1 * deviation);
  EXPECT_NEAR(result.high, mean + 1.96 * deviation, 0.1 * deviation);
  EXPECT_EQ(result.p, 2.0 / 10001);  // six deviations from 0: no resample comes near
}

TEST(PairedBootstrapTest, WeighsTasksEqually) {
  const PairedBootstrap result = paired_bootstrap(Tasks{task_of(1000, 0, 0), task_of(10, 0, 5)}, 1, 100);
  EXPECT_DOUBLE_EQ(result.difference, 0.25);
}

TEST(PairedBootstrapTest, IsCertainOfWhatAllDocumentsSay) {
  const PairedBootstrap better = paired_bootstrap(Tasks{task_of(3, 0, 3)}, 1, 99);
  EXPECT_EQ(better.low, 1);
  EXPECT_EQ(better.high, 1);
  EXPECT_EQ(better.p, 0.02);
  const PairedBootstrap same = paired_bootstrap(Tasks{task_of(3, 0, 0)}, 1, 99);
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
  EXPECT_EQ(same.p, 1);
}

TEST(PairedBootstrapTest, DependsOnTheSeedAndNotOnThreads) {
  const Tasks tasks{task_of(300, 30, 20), task_of(111, 8, 9)};
  const PairedBootstrap one = paired_bootstrap(tasks, 5, 2000, 1);
  for (const int threads : {2, 3, 8, 0}) {
    const PairedBootstrap other = paired_bootstrap(tasks, 5, 2000, threads);
    EXPECT_EQ(other.low, one.low);
    EXPECT_EQ(other.high, one.high);
    EXPECT_EQ(other.p, one.p);
  }
  EXPECT_NE(paired_bootstrap(tasks, 6, 2000).p, one.p);
}

TEST(PairedBootstrapTest, RefusesWhatIsNoDifference) {
  EXPECT_THROW(paired_bootstrap({}, 1), CheckFailure);
  EXPECT_THROW(paired_bootstrap(Tasks{{}}, 1), CheckFailure);
  EXPECT_THROW(paired_bootstrap(Tasks{{0.5}}, 1), CheckFailure);
}

}  // namespace
}  // namespace shorten::tasks
