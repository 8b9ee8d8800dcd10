// SPDX-License-Identifier: Apache-2.0
// Where the results of `eval` go. With --tasks, -o names a folder (or, if it ends in .json, the report alone):
//
//   report.json                     the report of docs/formats.md
//   MODEL/results_<date>.json       what lm-evaluation-harness would write
//   finished/MODEL/<task>.json      answers; a repeated command goes on from them
//
// MODEL is the model's name without the characters that are no good in a file's name.
#pragma once

#include "cli/eval.h"

namespace shorten::cli {

class EvalOutput {
 public:
  // Throws, before any work, what would make writing fail: an output that is an input, a folder of something
  // else, a file that exists (without --force).
  EvalOutput(const EvalOptions& options, const CommonOptions& common, const std::vector<fs::path>& inputs);

  // The answers of an earlier run with the same key. Says on stderr what is taken over, and what is not and why.
  std::optional<tasks::TaskAnswers> finished(size_t model, const tasks::TaskData& data, const tasks::AnswerKey& key);
  void keep(size_t model, const tasks::TaskData& data, const tasks::AnswerKey& key, const tasks::TaskAnswers& answers);

  // The last step: standard output, then all files.
  void deliver(const EvalReport& report, const std::string& per_token);

 private:
  fs::path answers_file(size_t model, const tasks::TaskData& data) const;
  void stage_harness_files(const EvalReport& report, std::vector<StagedFile>& files) const;

  const EvalOptions& options_;
  const CommonOptions& common_;
  std::vector<std::string> names_;  // of the models, as folders
  bool folder_ = false;             // -o names one
};

}  // namespace shorten::cli
