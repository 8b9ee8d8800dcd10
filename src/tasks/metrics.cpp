// SPDX-License-Identifier: Apache-2.0
#include "tasks/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/check.h"
#include "core/error.h"
#include "python/random.h"
#include "tasks/parallel.h"

namespace shorten::tasks {
namespace {

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

double mean(std::span<const double> values) { return sum(values) / static_cast<double>(values.size()); }

double sample_deviation(std::span<const double> values) {
  const double centre = mean(values);
  double squares = 0;
  for (const double x : values) squares += (x - centre) * (x - centre);
  return std::sqrt(squares / (static_cast<double>(values.size()) - 1));
}

void check_answers(const Task& task, std::span<const int64_t> ids, std::span<const std::vector<Answer>> answers) {
  const bool minus_infinity_is_fine = task.kind == Kind::kChoice;
  for (size_t d = 0; d < answers.size(); ++d) {
    for (size_t r = 0; r < answers[d].size(); ++r) {
      const double x = answers[d][r].loglikelihood;
      if (std::isfinite(x) || (minus_infinity_is_fine && x < 0)) continue;
      throw diverged("a log-likelihood that is no number")
          .where(fmt::format("{}, document {}, request {}", task.name, ids[d], r))
          .expected("a finite number")
          .found(fmt::format("{}", x))
          .help("the model computes NaN or infinity: try it in fp32");
    }
  }
}

// Per choice, divided by the choice's length for acc_norm. An empty choice divides by zero, as numpy does it.
double right(const Example& example, const std::vector<Answer>& answers, bool by_length) {
  std::vector<double> values;
  for (size_t r = 0; r < answers.size(); ++r) {
    const double length = by_length ? static_cast<double>(example.lengths[r]) : 1;
    values.push_back(answers[r].loglikelihood / length);
  }
  // 0/0 of an empty choice: numpy.argmax takes the first NaN for the largest.
  const auto nan = std::find_if(values.begin(), values.end(), [](double x) { return std::isnan(x); });
  const size_t chosen = nan != values.end() ? static_cast<size_t>(nan - values.begin()) : argmax(values);
  return static_cast<int64_t>(chosen) == example.gold ? 1 : 0;
}

std::vector<double> document_values(const Task& task, Metric metric, std::span<const Example> examples,
                                    std::span<const std::vector<Answer>> answers) {
  const bool by_length = metric == Metric::kAccNorm;
  const bool accuracy = is_accuracy(metric);
  std::vector<double> out;
  out.reserve(answers.size());
  for (size_t d = 0; d < answers.size(); ++d) {
    if (!accuracy) {
      out.push_back(answers[d].front().loglikelihood);
    } else if (task.kind == Kind::kChoice) {
      SHORTEN_CHECK(!by_length || examples[d].lengths.size() == answers[d].size(), "not one length a choice");
      out.push_back(right(examples[d], answers[d], by_length));
    } else {
      out.push_back(answers[d].front().greedy ? 1 : 0);
    }
  }
  return out;
}

// Σ log-likelihood / Σ weight. The weights are whole numbers, so their sum is exact.
double per_weight(std::span<const double> loglikelihoods, std::span<const Example> examples, int64_t Example::*weight) {
  int64_t total = 0;
  for (const Example& example : examples) total += example.*weight;
  return sum(loglikelihoods) / static_cast<double>(total);
}

void aggregate(MetricValue& out, std::span<const Example> examples, int iterations) {
  const bool spread = iterations > 0 && out.documents.size() > 1;
  switch (out.metric) {
    case Metric::kAcc:
    case Metric::kAccNorm:
      out.value = mean(out.documents);
      if (spread) out.standard_error = mean_stderr(out.documents);
      break;
    case Metric::kPerplexity:
      out.value = std::exp(-mean(out.documents));
      if (spread) out.standard_error = bootstrap_perplexity_stderr(out.documents, iterations);
      break;
    case Metric::kWordPerplexity:
      out.value = std::exp(-per_weight(out.documents, examples, &Example::words));
      break;
    case Metric::kBytePerplexity:
      out.value = std::exp(-per_weight(out.documents, examples, &Example::bytes));
      break;
    case Metric::kBitsPerByte:
      out.value = -per_weight(out.documents, examples, &Example::bytes) / std::numbers::ln2;
      break;
  }
}

}  // namespace

std::vector<MetricValue> measure(const Task& task, std::span<const Example> examples, std::span<const int64_t> ids,
                                 std::span<const std::vector<Answer>> answers, int bootstrap_iterations) {
  SHORTEN_CHECK(!answers.empty() && answers.size() == examples.size() && answers.size() == ids.size(),
                "answers, examples and ids of different length");
  for (size_t d = 0; d < answers.size(); ++d) {
    SHORTEN_CHECK(!answers[d].empty() && answers[d].size() == examples[d].requests.size(), "not one answer a request");
  }
  check_answers(task, ids, answers);
  std::vector<MetricValue> out;
  for (const Metric metric : task.metrics) {
    MetricValue& value = out.emplace_back();
    value.metric = metric;
    value.documents = document_values(task, metric, examples, answers);
    aggregate(value, examples, bootstrap_iterations);
  }
  return out;
}

size_t argmax(std::span<const double> values) {
  SHORTEN_CHECK(!values.empty(), "no values");
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double mean_stderr(std::span<const double> values) {
  return sample_deviation(values) / std::sqrt(static_cast<double>(values.size()));
}

double bootstrap_perplexity_stderr(std::span<const double> loglikelihoods, int iterations, int threads) {
  if (iterations < 2 || loglikelihoods.empty()) return std::numeric_limits<double>::quiet_NaN();
  const size_t n = loglikelihoods.size();
  const auto chunk = static_cast<size_t>(std::min(1000, iterations));
  const size_t chunks = static_cast<size_t>(iterations) / chunk;  // what is left over, the harness does not draw
  std::vector<double> resamples(chunks * chunk);
  for_each_index(
      chunks,
      [&](size_t c) {
        python::Random random(static_cast<uint32_t>(c));
        for (size_t i = c * chunk; i < (c + 1) * chunk; ++i) {
          double total = 0;
          for (size_t draw = 0; draw < n; ++draw) total += loglikelihoods[random.choice_index(n)];
          resamples[i] = std::exp(-total / static_cast<double>(n));
        }
      },
      threads);
  return sample_deviation(resamples);
}

}  // namespace shorten::tasks
