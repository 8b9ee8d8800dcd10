// SPDX-License-Identifier: Apache-2.0
#include "tasks/metrics.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "golden_math.h"

namespace shorten::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Task task_of(Kind kind, std::vector<Metric> metrics) {
  Task task{};
  task.name = "made_up";
  task.kind = kind;
  task.metrics = std::move(metrics);
  return task;
}

const Task kChoices = task_of(Kind::kChoice, {Metric::kAcc, Metric::kAccNorm});
const Task kWords = task_of(Kind::kLastWord, {Metric::kPerplexity, Metric::kAcc});
const Task kTexts = task_of(Kind::kText, {Metric::kWordPerplexity, Metric::kBytePerplexity, Metric::kBitsPerByte});

Example example(std::vector<int64_t> lengths, int64_t gold) {
  Example out;
  out.requests.resize(lengths.empty() ? 1 : lengths.size());
  out.lengths = std::move(lengths);
  out.gold = gold;
  return out;
}

using Answers = std::vector<std::vector<Answer>>;  // [document][request]

std::vector<Answer> answers(const std::vector<double>& values) {
  std::vector<Answer> out;
  for (const double x : values) out.push_back({x, false});
  return out;
}

std::vector<double> right_or_wrong(const Example& asked, const std::vector<double>& values) {
  std::vector<double> out;
  const std::vector<int64_t> ids{0};
  for (const MetricValue& value : measure(kChoices, {&asked, 1}, ids, Answers{answers(values)})) {
    out.push_back(value.value);
  }
  return out;
}

// As golden values have it, where Python's -inf is no JSON.
std::vector<double> numbers(const Json& strings) {
  std::vector<double> out;
  for (const Json& x : strings) out.push_back(std::strtod(x.get<std::string>().c_str(), nullptr));
  return out;
}

TEST(Choice, TakesWhatNumpyTakes) {
  for (const Json& golden : test::golden_math("choices")) {
    SCOPED_TRACE(golden);
    const auto lengths = golden.at("lengths").get<std::vector<int64_t>>();
    for (int64_t gold = 0; gold < static_cast<int64_t>(lengths.size()); ++gold) {
      EXPECT_THAT(
          right_or_wrong(example(lengths, gold), numbers(golden.at("values"))),
          ElementsAre(gold == golden.at("plain").get<int64_t>(), gold == golden.at("by_length").get<int64_t>()));
    }
  }
}

TEST(Choice, AnEmptyChoiceOfLikelihoodOneIsTaken) {
  EXPECT_THAT(right_or_wrong(example({2, 0}, 1), {-1, 0}), ElementsAre(1, 1));  // 0/0: NaN wins in numpy
  EXPECT_THAT(right_or_wrong(example({2, 0}, 0), {0, 0}), ElementsAre(1, 0));
}

TEST(Choice, CountsDocuments) {
  const std::vector<Example> asked{example({1, 1}, 0), example({1, 1}, 1), example({1, 9}, 1), example({1, 1}, 0)};
  const std::vector<int64_t> ids{0, 1, 2, 3};
  const Answers given{answers({-1, -2}), answers({-1, -2}), answers({-2, -3}), answers({-1, -1})};
  const auto values = measure(kChoices, asked, ids, given);
  ASSERT_EQ(values.size(), 2);
  EXPECT_EQ(values[0].metric, Metric::kAcc);
  EXPECT_THAT(values[0].documents, ElementsAre(1, 0, 0, 1));
  EXPECT_EQ(values[0].value, 0.5);
  EXPECT_DOUBLE_EQ(*values[0].standard_error, std::sqrt(0.25 / 3));  // sqrt(p (1 - p) / (n - 1))
  EXPECT_EQ(values[1].metric, Metric::kAccNorm);
  EXPECT_THAT(values[1].documents, ElementsAre(1, 0, 1, 1));
  EXPECT_EQ(values[1].value, 0.75);
}

TEST(Choice, HasNoStandardErrorOfOneDocumentOrWithoutIterations) {
  const std::vector<Example> asked(2, example({1, 1}, 0));
  const Answers given(2, answers({-1, -2}));
  const std::vector<int64_t> ids{4, 5};
  EXPECT_FALSE(measure(kChoices, {asked.data(), 1}, {ids.data(), 1}, {given.data(), 1})[0].standard_error);
  EXPECT_FALSE(measure(kChoices, asked, ids, given, 0)[0].standard_error);
  EXPECT_EQ(measure(kChoices, asked, ids, given)[0].standard_error, 0);
}

TEST(LastWord, IsRightIfGreedy) {
  const std::vector<Example> asked(3, example({}, 0));
  const std::vector<int64_t> ids{0, 1, 2};
  const Answers given{{{-1, true}}, {{-0.5, false}}, {{-3, true}}};
  const auto values = measure(kWords, asked, ids, given, 2000);
  EXPECT_DOUBLE_EQ(values[0].value, std::exp(1.5));
  EXPECT_THAT(values[0].documents, ElementsAre(-1, -0.5, -3));
  EXPECT_EQ(values[0].standard_error, bootstrap_perplexity_stderr(values[0].documents, 2000));
  EXPECT_DOUBLE_EQ(values[1].value, 2.0 / 3);
  EXPECT_THAT(values[1].documents, ElementsAre(1, 0, 1));
}

TEST(Text, DividesSums) {
  std::vector<Example> asked(2, example({}, 0));
  asked[0].words = 3, asked[0].bytes = 20;
  asked[1].words = 7, asked[1].bytes = 44;
  const std::vector<int64_t> ids{0, 1};
  const auto values = measure(kTexts, asked, ids, Answers{answers({-12}), answers({-52})});
  EXPECT_DOUBLE_EQ(values[0].value, std::exp(6.4));
  EXPECT_DOUBLE_EQ(values[1].value, std::exp(1.0));
  EXPECT_DOUBLE_EQ(values[2].value, 1 / std::log(2.0));
  for (const MetricValue& value : values) {
    EXPECT_FALSE(value.standard_error);
    EXPECT_THAT(value.documents, ElementsAre(-12, -52));
  }
}

TEST(Perplexity, IsThatOfPython) {
  const Json& golden = test::golden_math("perplexity");
  const auto values = golden.at("values").get<std::vector<double>>();
  EXPECT_NEAR(mean_stderr(values) / golden.at("mean_stderr").get<double>(), 1, 1e-13);
  for (const Json& pair : golden.at("bootstrap")) {
    EXPECT_NEAR(bootstrap_perplexity_stderr(values, pair[0]) / pair[1].get<double>(), 1, 1e-12) << pair;
  }
}

TEST(Perplexity, IsTheSameForAnyNumberOfThreads) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(-0.1 * i);
  const double one = bootstrap_perplexity_stderr(values, 20000, 1);
  for (const int threads : {2, 3, 8, 0}) EXPECT_EQ(bootstrap_perplexity_stderr(values, 20000, threads), one);
}

TEST(Perplexity, HasNoErrorWithoutResamples) {
  EXPECT_TRUE(std::isnan(bootstrap_perplexity_stderr(std::vector{-1.0, -2.0}, 1)));
  EXPECT_TRUE(std::isnan(bootstrap_perplexity_stderr({}, 1000)));
}

TEST(MeanStderr, OfOneValueIsNaN) { EXPECT_TRUE(std::isnan(mean_stderr(std::vector{1.0}))); }

Error error_of(const Task& task, const Example& asked, const std::vector<double>& last) {
  const std::vector<Example> examples(2, asked);
  const std::vector<int64_t> ids{17, 1234};
  try {
    measure(task, examples, ids, Answers{answers(std::vector<double>(last.size(), -1)), answers(last)});
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return usage_error("");
}

TEST(Measure, RefusesWhatIsNoNumber) {
  for (const double bad : {std::nan(""), kInfinity}) {
    const Error e = error_of(kChoices, example({1, 1}, 0), {-1, bad});
    EXPECT_EQ(e.code(), ExitCode::kDiverged);
    EXPECT_THAT(e.where(), HasSubstr("made_up, document 1234, request 1"));
    EXPECT_EQ(error_of(kWords, example({}, 0), {bad}).code(), ExitCode::kDiverged);
    EXPECT_EQ(error_of(kTexts, example({}, 0), {bad}).code(), ExitCode::kDiverged);
  }
  EXPECT_EQ(error_of(kWords, example({}, 0), {-kInfinity}).code(), ExitCode::kDiverged);
  EXPECT_EQ(error_of(kTexts, example({}, 0), {-kInfinity}).code(), ExitCode::kDiverged);
}

TEST(Measure, RefusesAnswersThatAreNotOneARequest) {
  const std::vector<Example> asked(2, example({1, 1}, 0));
  const std::vector<int64_t> ids{0, 1};
  EXPECT_THROW(measure(kChoices, asked, ids, Answers{answers({-1, -2})}), CheckFailure);
  EXPECT_THROW(measure(kChoices, asked, ids, Answers{answers({-1, -2}), answers({-1})}), CheckFailure);
  EXPECT_THROW(measure(kChoices, {}, {}, {}), CheckFailure);
}

}  // namespace
}  // namespace shorten::tasks
