// SPDX-License-Identifier: Apache-2.0
// The files that lm-evaluation-harness writes, for the scripts, boards and viewers that read them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasks/documents.h"
#include "tasks/metrics.h"

namespace shorten::tasks {

// One task of one model, done.
struct TaskOutcome {
  const TaskData* data = nullptr;
  std::vector<std::vector<Answer>> answers;  // [example][request]
  std::vector<MetricValue> metrics;
  int64_t shortened = 0;  // requests whose context lost tokens at its beginning
};

// What the results file says about the run.
struct RunFacts {
  std::string model;          // as given on the command line
  std::string dtype, device;  // "fp32", "cpu"
  uint64_t parameters = 0;
  std::string fingerprint;  // of the weights
  std::optional<double> limit;
  int64_t max_length = 0;
  uint64_t seed = 0;
  std::string date;      // "2026-11-24T04-55-16.123456": of the file names
  double unix_time = 0;  // seconds since 1970
  double seconds = 0;    // of the evaluation
  // (text, id) of each, absent where the tokenizer has none
  std::optional<std::pair<std::string, int64_t>> bos, eos;
};

// "models__llama": a model's name as a folder's. The harness writes into such a folder.
std::string sanitized_name(std::string_view model);

// results_<date>.json, in the form of the profile's harness: 0.3 with plain metric names ("acc"), else that of 0.4.3
// and later ("acc,none"), as far as all of those can read it. What the harness takes from its own surroundings
// (versions of Python's packages, git) is null. Serialised as Python's json.dumps(indent=2) does it, without a line
// feed at the end, so that diffs against the harness's own files are small.
std::string results_file(std::span<const TaskOutcome> outcomes, const Profile& profile, const RunFacts& facts);

// samples_<task>_<date>.jsonl: a line a document, in the order asked, as 0.4.13 writes it; the same for every
// profile. `doc` is the document as the file has it: where the harness adds fields of its own to it (hellaswag),
// they are missing here, and doc_hash is another.
std::string samples_file(const TaskOutcome& outcome);

// Over the hashes of all samples: two runs that agree asked the same questions of the same documents.
std::string task_hash(const TaskOutcome& outcome);

}  // namespace shorten::tasks
