// SPDX-License-Identifier: Apache-2.0
#include "tasks/summary.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace shorten::tasks {
namespace {

std::vector<double> differences(const MetricValue& first, const MetricValue& second) {
  std::vector<double> out;
  for (size_t i = 0; i < first.documents.size(); ++i) out.push_back(second.documents[i] - first.documents[i]);
  return out;
}

}  // namespace

const MetricValue& reported(const TaskOutcome& task) {
  const auto found = std::find_if(task.metrics.begin(), task.metrics.end(),
                                  [&](const MetricValue& value) { return value.metric == task.data->task->reported; });
  SHORTEN_CHECK(found != task.metrics.end(), "a task without the metric that it reports");
  return *found;
}

std::optional<Mean> mean_of(std::span<const TaskOutcome> outcomes) {
  Mean out;
  double squares = 0;
  bool all = true;
  for (size_t t = 0; t < outcomes.size(); ++t) {
    if (!outcomes[t].data->task->common_sense) continue;
    const MetricValue& value = reported(outcomes[t]);
    out.tasks.push_back(t);
    out.value += value.value;
    all = all && value.standard_error.has_value();
    squares += std::pow(value.standard_error.value_or(0), 2);
  }
  if (out.tasks.empty()) return std::nullopt;
  const auto n = static_cast<double>(out.tasks.size());
  out.value /= n;
  if (all) out.standard_error = std::sqrt(squares) / n;  // tasks are independent of one another
  return out;
}

Comparison compare(std::span<const TaskOutcome> first, std::span<const TaskOutcome> second, uint64_t seed) {
  Comparison out;
  for (size_t t = 0; t < first.size(); ++t) {
    const MetricValue &a = reported(first[t]), &b = reported(second[t]);
    Comparison::OfTask& task = out.tasks.emplace_back();
    task.difference = b.value - a.value;
    if (is_accuracy(a.metric)) task.mcnemar = mcnemar(a.documents, b.documents);
  }
  if (const auto mean = mean_of(first)) {
    std::vector<std::vector<double>> of_tasks;
    for (const size_t t : mean->tasks) of_tasks.push_back(differences(reported(first[t]), reported(second[t])));
    out.mean = paired_bootstrap(of_tasks, seed);
  }
  return out;
}

}  // namespace shorten::tasks
