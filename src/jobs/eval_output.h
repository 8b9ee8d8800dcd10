// SPDX-License-Identifier: Apache-2.0
// Where the results of an evaluation go. EvalFiles::results names a folder (or the report alone):
//
//   report.json                     the report of docs/formats.md
//   MODEL/results_<date>.json       what lm-evaluation-harness would write
//   finished/MODEL/<task>.json      answers; a repeated request continues from them
//
// MODEL is the model's name without the characters that are no good in a file's name.
#pragma once

#include "jobs/eval.h"
#include "tasks/finished.h"

namespace shorten::jobs {

class EvalOutput {
 public:
  // Throws, before any work, what would make writing fail: an output that is an input, a folder of something
  // else, a file that exists (without `force`).
  EvalOutput(const EvalRequest& request, const std::vector<fs::path>& inputs);

  // The answers of an earlier run with the same key. Says what is taken over, and what is not and why.
  std::optional<tasks::TaskAnswers> finished(size_t model, const tasks::TaskData& data, const tasks::AnswerKey& key);
  void keep(size_t model, const tasks::TaskData& data, const tasks::AnswerKey& key, const tasks::TaskAnswers& answers);

 private:
  fs::path answers_file(size_t model, const tasks::TaskData& data) const;

  const EvalRequest& request_;
  std::vector<std::string> names_;  // of the models, as folders
  bool folder_ = false;             // there is one
};

}  // namespace shorten::jobs
