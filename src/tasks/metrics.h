// SPDX-License-Identifier: Apache-2.0
// What the model answered → the numbers of a task, with the arithmetic of lm-evaluation-harness: sums in
// double, in the order of the documents.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tasks/task.h"

namespace shorten::tasks {

// log p(continuation | context) in nats, and whether every token of it was the likeliest one.
struct Answer {
  double loglikelihood = 0;
  bool greedy = false;
};

struct MetricValue {
  Metric metric = Metric::kAcc;
  double value = 0;
  // Of the value; absent where the harness gives none: for sums over words and bytes, for a single document,
  // and for perplexities without iterations.
  std::optional<double> standard_error;
  // One value a document: 0 or 1 for accuracies, the log-likelihood for perplexities.
  std::vector<double> documents;
};

// In the order of task.metrics. `answers[d][r]` belongs to request r of example d; a whole text has one answer,
// the sum over its windows. The likeliest choice is the first of equals, as numpy.argmax has it. Throws
// diverged, naming the document by `ids`, if a log-likelihood is NaN or +inf, or -inf where a perplexity is made
// of it.
std::vector<MetricValue> measure(const Task& task, std::span<const Example> examples, std::span<const int64_t> ids,
                                 std::span<const std::vector<Answer>> answers, int bootstrap_iterations = 100000);

// Index of the first largest value. REQUIRES at least one value, none of them NaN.
size_t argmax(std::span<const double> values);

// sqrt(Σ(x - mean)² / (n - 1)) / sqrt(n); 0/0 → NaN for n = 1.
double mean_stderr(std::span<const double> values);

// Standard error of exp(-mean) by the harness's bootstrap: chunk i of 1,000 resamples is drawn with
// Python's random.Random(i).choices; the result is the sample deviation over all resamples, the same for any
// number of threads (0: all cores). Costs iterations · n draws of some 4 ns: with the 5,153 documents of lambada
// and 100,000 iterations, two seconds of one core. NaN for fewer than two iterations.
double bootstrap_perplexity_stderr(std::span<const double> loglikelihoods, int iterations, int threads = 0);

}  // namespace shorten::tasks
