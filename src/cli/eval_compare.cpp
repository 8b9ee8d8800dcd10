// SPDX-License-Identifier: Apache-2.0
// Means over tasks, and one model against another on the same documents.
#include <algorithm>
#include <cmath>

#include "cli/eval.h"
#include "core/check.h"

namespace shorten::cli {
namespace {

std::vector<double> differences(const tasks::MetricValue& first, const tasks::MetricValue& second) {
  std::vector<double> out;
  for (size_t i = 0; i < first.documents.size(); ++i) out.push_back(second.documents[i] - first.documents[i]);
  return out;
}

}  // namespace

const tasks::MetricValue& reported(const tasks::TaskOutcome& task) {
  const auto found = std::find_if(task.metrics.begin(), task.metrics.end(), [&](const tasks::MetricValue& value) {
    return value.metric == task.data->task->reported;
  });
  SHORTEN_CHECK(found != task.metrics.end(), "a task without the metric that it reports");
  return *found;
}

std::optional<Mean> mean_of(const ModelResult& model) {
  Mean out;
  double squares = 0;
  bool all = true;
  for (size_t t = 0; t < model.tasks.size(); ++t) {
    if (!model.tasks[t].data->task->common_sense) continue;
    const tasks::MetricValue& value = reported(model.tasks[t]);
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

Comparison compare(const ModelResult& first, const ModelResult& second, uint64_t seed) {
  Comparison out;
  for (size_t t = 0; t < first.tasks.size(); ++t) {
    const tasks::MetricValue &a = reported(first.tasks[t]), &b = reported(second.tasks[t]);
    Comparison::OfTask& task = out.tasks.emplace_back();
    task.difference = b.value - a.value;
    if (tasks::is_accuracy(a.metric)) task.mcnemar = tasks::mcnemar(a.documents, b.documents);
  }
  if (const auto mean = mean_of(first)) {
    std::vector<std::vector<double>> of_tasks;
    for (const size_t t : mean->tasks)
      of_tasks.push_back(differences(reported(first.tasks[t]), reported(second.tasks[t])));
    out.mean = tasks::paired_bootstrap(of_tasks, seed);
  }
  return out;
}

}  // namespace shorten::cli
