// SPDX-License-Identifier: Apache-2.0
// Means over tasks, and one model against another on the same documents.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "tasks/compare.h"
#include "tasks/harness_files.h"

namespace shorten::tasks {

const MetricValue& reported(const TaskOutcome& task);  // the one that the papers report

// The mean of the reported metric over the common-sense tasks that were asked; absent if none was.
struct Mean {
  std::vector<size_t> tasks;  // indices of the outcomes
  double value = 0;
  std::optional<double> standard_error;  // absent where one of theirs is
};
std::optional<Mean> mean_of(std::span<const TaskOutcome> outcomes);

// A model against the first one: the same tasks in the same order.
struct Comparison {
  struct OfTask {
    double difference = 0;           // of the reported metric
    std::optional<McNemar> mcnemar;  // of accuracies
  };
  std::vector<OfTask> tasks;
  std::optional<PairedBootstrap> mean;
};
Comparison compare(std::span<const TaskOutcome> first, std::span<const TaskOutcome> second, uint64_t seed);

}  // namespace shorten::tasks
