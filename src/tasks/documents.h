// SPDX-License-Identifier: Apache-2.0
// The file of a task → the examples to be asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "tasks/task.h"

namespace shorten::tasks {

struct TaskData {
  const Task* task = nullptr;
  fs::path file;
  std::string sha256;           // of the bytes of the file
  int64_t available = 0;        // documents in the file
  std::vector<int64_t> ids;     // 0-based, in the file: of the documents that are asked, in the order of asking
  std::vector<Json> documents;  // those documents, as they are in the file
  std::vector<Example> examples;

  // "line 12", "element 11" or "page 3": where document `i` of those asked is, for errors.
  std::string where(size_t i) const;
  std::string_view unit = "line";
};

// Reads <task>_<split>.jsonl (a document a line) or .json (an array, or an array under one key) from `folder`;
// wikitext also from the original wiki.test.raw. More than one of them is an error. `limit` takes the first N
// documents, or below 1 that share of them, by the rules of the profile. Every document must be sound, also those
// behind the limit. Warns if the number of documents is not that of the complete split. Throws bad_input with file,
// line and field; for a missing file, with the command that makes it.
TaskData read_task(const Task& task, const fs::path& folder, const Profile& profile, std::optional<double> limit);

// The order in which Python's random.Random(42).shuffle puts n items.
std::vector<int64_t> shuffled_order(int64_t n);

// The command that makes the file of a task, on one line (Python with the `datasets` package).
std::string file_command(const Task& task);

// `shorten eval --list-tasks`: for each task its file, origin, licence, and one command (Python with the
// `datasets` package) that writes the file.
std::string describe_tasks();

}  // namespace shorten::tasks
