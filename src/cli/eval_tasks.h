// SPDX-License-Identifier: Apache-2.0
// The tasks of `eval`: read once, put to every model.
#pragma once

#include "cli/eval.h"
#include "cli/eval_output.h"
#include "tasks/encode.h"

namespace shorten::cli {

// The tasks as one model reads them.
struct PreparedTasks {
  std::vector<tasks::EncodedTask> encoded;
  std::vector<tasks::AnswerKey> keys;  // what the answers depend on
  std::vector<std::optional<tasks::TaskAnswers>> finished;
  std::unique_ptr<text::Tokenizer> tokenizer;  // null without tasks

  double tokens() const;  // still to go through the model
};

std::optional<double> parse_limit(const std::string& text);  // of --limit; absent if empty

std::vector<tasks::TaskData> read_tasks(const EvalOptions& options, const tasks::Profile& profile);

// `model` counts from 0 in the order of the command line.
PreparedTasks prepare_tasks(const std::vector<tasks::TaskData>& data, size_t model, const fs::path& dir,
                            const std::string& fingerprint, const family::ModelSpec& spec, const ComputeUsed& place,
                            const EvalOptions& options, const tasks::Profile& profile, EvalOutput& output);

// Asks what is not finished, keeps each task's answers as soon as it is done, and counts. Empties `finished`. `loaded`
// gives the model, and is called only if something is asked.
std::vector<tasks::TaskOutcome> measure_tasks(const std::vector<tasks::TaskData>& data, PreparedTasks& prepared,
                                              size_t model, const EvalOptions& options, EvalOutput& output,
                                              const std::function<const LanguageModel&()>& loaded);

}  // namespace shorten::cli
