// SPDX-License-Identifier: Apache-2.0
// `shorten eval --list-tasks`, and the command that makes a task's file.
#include <fmt/format.h>

#include "core/units.h"
#include "tasks/documents.h"

namespace shorten::tasks {
namespace {

std::string file_name(const Task& task) { return fmt::format("{}_{}.jsonl", task.name, task.split); }

// 'EleutherAI/race', 'high'
std::string data_set(const Task& task) {
  return task.config.empty() ? fmt::format("'{}'", task.hub) : fmt::format("'{}', '{}'", task.hub, task.config);
}

std::string metrics(const Task& task) {
  std::string out;
  for (const Metric metric : task.metrics) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", metric_name(metric));
  }
  return out;
}

// A command may have line breaks within the brackets, so that it fits a terminal and can still be pasted.
std::string describe(const Task& task) {
  return fmt::format(
      "{}{}\n"
      "  file     {}, {} documents\n"
      "  data     {}{}\n"
      "  licence  {}\n"
      "  metrics  {}\n"
      "    python3 -c \"from datasets import load_dataset; load_dataset(\n"
      "      {},\n"
      "      split='{}').to_json('{}')\"\n",
      task.name, task.common_sense ? " (common-sense)" : "", file_name(task), with_separators(task.documents), task.hub,
      task.config.empty() ? "" : fmt::format(" ({})", task.config), task.license, metrics(task), data_set(task),
      task.split, file_name(task));
}

}  // namespace

std::string file_command(const Task& task) {
  return fmt::format("python3 -c \"from datasets import load_dataset; load_dataset({}, split='{}').to_json('{}')\"",
                     data_set(task), task.split, file_name(task));
}

std::string describe_tasks() {
  std::string out =
      "The data of a task is one file in the folder that --task-data names: a document\n"
      "a line (.jsonl) or an array (.json), with the fields of the data set on the\n"
      "Hugging Face Hub. The commands write the files into the current folder; they\n"
      "need Python with the package `datasets`, shorten itself needs neither. A licence\n"
      "is what the card of the data set says: \"unknown\" where it says nothing, \"other\"\n"
      "where it names one of its own.\n";
  for (const Task& task : all_tasks()) {
    out += "\n" + describe(task);
    if (task.kind == Kind::kText) out += "    or the original file wiki.test.raw\n";
  }
  return out;
}

}  // namespace shorten::tasks
