// SPDX-License-Identifier: Apache-2.0
// The tasks of an evaluation: read once, put to every model.
#pragma once

#include <functional>

#include "jobs/eval.h"
#include "jobs/eval_output.h"
#include "tasks/encode.h"

namespace shorten::jobs {

// The tasks as one model reads them.
struct PreparedTasks {
  std::vector<tasks::EncodedTask> encoded;
  std::vector<tasks::AnswerKey> keys;  // what the answers depend on
  std::vector<std::optional<tasks::TaskAnswers>> finished;
  std::unique_ptr<text::Tokenizer> tokenizer;  // null without tasks

  double tokens() const;  // still to go through the model
};

std::vector<tasks::TaskData> read_tasks(const EvalRequest& request, const tasks::Profile& profile);

// `model` counts from 0 in the order of the request; `place` is where it will compute.
PreparedTasks prepare_tasks(const EvalReport& report, size_t model, const engine::ComputeUsed& place,
                            EvalOutput& output);

// Asks what is not finished, keeps each task's answers as soon as it is done, and counts. Empties `finished`. `loaded`
// gives the model, and is called only if something is asked.
std::vector<tasks::TaskOutcome> measure_tasks(const EvalReport& report, PreparedTasks& prepared, size_t model,
                                              EvalOutput& output,
                                              const std::function<const engine::LanguageModel&()>& loaded);

}  // namespace shorten::jobs
