// SPDX-License-Identifier: Apache-2.0
#include "tasks/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::tasks {
namespace {

constexpr std::string_view kCommonSense = "common-sense";

std::string known_names() {
  std::vector<std::string_view> names;
  for (const Task& task : all_tasks()) names.push_back(task.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void add_once(std::vector<const Task*>& tasks, const Task& task) {
  if (std::find(tasks.begin(), tasks.end(), &task) == tasks.end()) tasks.push_back(&task);
}

}  // namespace

std::string_view metric_name(Metric metric) {
  switch (metric) {
    case Metric::kAcc:
      return "acc";
    case Metric::kAccNorm:
      return "acc_norm";
    case Metric::kPerplexity:
      return "perplexity";
    case Metric::kWordPerplexity:
      return "word_perplexity";
    case Metric::kBytePerplexity:
      return "byte_perplexity";
    case Metric::kBitsPerByte:
      return "bits_per_byte";
  }
  return "";
}

bool is_accuracy(Metric metric) { return metric == Metric::kAcc || metric == Metric::kAccNorm; }

const Task& find_task(std::string_view name) {
  for (const Task& task : all_tasks()) {
    if (task.name == name) return task;
  }
  throw usage_error("no such task").expected(known_names()).found(printable(name, 40));
}

std::vector<const Task*> parse_tasks(std::string_view list) {
  std::vector<const Task*> out;
  for (size_t start = 0; start <= list.size();) {
    const size_t end = std::min(list.find(',', start), list.size());
    const std::string_view name = list.substr(start, end - start);
    start = end + 1;
    if (name.empty()) {
      throw usage_error("an empty name in the list of tasks")
          .expected(fmt::format("{}, or {} for the seven of the papers", known_names(), kCommonSense))
          .found(fmt::format("\"{}\"", printable(list, 80)));
    }
    if (name != kCommonSense) {
      add_once(out, find_task(name));
      continue;
    }
    for (const Task& task : all_tasks()) {
      if (task.common_sense) add_once(out, task);
    }
  }
  return out;
}

}  // namespace shorten::tasks
