// SPDX-License-Identifier: Apache-2.0
// The numbers of whole data sets against those that the harness (0.3) keeps for its own tests: its seeded random
// model answers, so that they depend on every request, on the order, on the gold answers and on the arithmetic.
#include <gtest/gtest.h>

#include "harness.h"

namespace shorten::tasks {
namespace {

std::vector<MetricValue> answered_at_random(const Task& task, const std::vector<Example>& examples, int iterations) {
  std::vector<int64_t> ids(examples.size());
  return measure(task, examples, ids, test::random_answers(examples, task.kind), iterations);
}

void expect_equal(const std::vector<MetricValue>& values, const Json& stored) {
  size_t compared = 0;
  for (const MetricValue& value : values) {
    const std::string name(value.metric == Metric::kPerplexity ? "ppl" : metric_name(value.metric));
    if (!stored.contains(name)) continue;
    SCOPED_TRACE(name);
    EXPECT_EQ(value.value, stored.at(name).get<double>());
    ++compared;
    if (!stored.contains(name + "_stderr")) continue;
    ASSERT_TRUE(value.standard_error);
    EXPECT_EQ(*value.standard_error, stored.at(name + "_stderr").get<double>());
    ++compared;
  }
  EXPECT_EQ(compared, stored.size()) << stored;
}

struct StoredResult {
  std::string task, file;
};
void PrintTo(const StoredResult& s, std::ostream* out) { *out << s.file; }
struct FileName {
  std::string operator()(const testing::TestParamInfo<StoredResult>& info) const {
    std::string name = info.param.file;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  }
};

class FullResult : public ::testing::TestWithParam<StoredResult> {};

TEST_P(FullResult, EqualsTheHarness) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const Task& task = find_task(GetParam().task);
  const fs::path folder = task.kind == Kind::kText ? test::wikitext_data() : test::task_data();
  const TaskData data = read_task(task, folder, test::early(), {});
  const Json stored = read_json(test::full_hashes() / (GetParam().file + "-res.json"));
  expect_equal(answered_at_random(task, data.examples, 10), stored.at("results").at(GetParam().task));
}

INSTANTIATE_TEST_SUITE_P(Tasks, FullResult,
                         ::testing::Values(StoredResult{"arc_challenge", "arc_challenge-v0"},
                                           StoredResult{"arc_easy", "arc_easy-v0"}, StoredResult{"boolq", "boolq-v0"},
                                           StoredResult{"boolq", "boolq-v1"},
                                           StoredResult{"openbookqa", "openbookqa-v0"}, StoredResult{"piqa", "piqa-v0"},
                                           StoredResult{"wikitext", "wikitext-v1"}),
                         FileName());

class TenDocumentsResult : public ::testing::TestWithParam<StoredResult> {};

TEST_P(TenDocumentsResult, EqualsTheHarness) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const Task& task = find_task(GetParam().task);
  const TaskData data = read_task(task, test::task_data(), test::early(), 10);
  const Json stored = read_json(test::ten_documents() / (GetParam().file + "-res.json"));
  expect_equal(answered_at_random(task, data.examples, 10), stored.at("results").at(GetParam().task));
}

INSTANTIATE_TEST_SUITE_P(Tasks, TenDocumentsResult,
                         ::testing::Values(StoredResult{"arc_challenge", "arc_challenge-v0"},
                                           StoredResult{"arc_easy", "arc_easy-v0"}, StoredResult{"boolq", "boolq-v0"},
                                           StoredResult{"openbookqa", "openbookqa-v0"},
                                           StoredResult{"piqa", "piqa-v0"}),
                         FileName());

// Tasks of which the requests are known and the right answer needs no document: sciq's is the last choice, a last
// word has no other.
TEST(TenDocumentsResult, SciqAndLambada) {
  SHORTEN_NEEDS_EXTRA_DATA();
  for (const auto& [name, stored, choices] :
       {std::tuple("sciq", "sciq", 4), std::tuple("lambada_openai", "lambada", 2)}) {
    const Task& task = find_task(name);
    const Json requests = read_json(test::ten_documents() / fmt::format("{}-v0-loglikelihood.json", stored));
    std::vector<Example> examples(10);
    for (size_t i = 0; i < requests.size(); ++i) {
      Example& example = examples[i / static_cast<size_t>(choices)];
      if (task.kind == Kind::kLastWord && i % 2 == 1) continue;
      const std::string continuation = requests[i][1];
      example.requests.push_back({requests[i][0], continuation});
      example.lengths.push_back(static_cast<int64_t>(continuation.size()) - 1);  // ASCII
      example.gold = 3;
    }
    const Json results = read_json(test::ten_documents() / fmt::format("{}-v0-res.json", stored));
    expect_equal(answered_at_random(task, examples, 10), results.at("results").at(stored));
  }
}

}  // namespace
}  // namespace shorten::tasks
