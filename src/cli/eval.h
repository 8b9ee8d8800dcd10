// SPDX-License-Identifier: Apache-2.0
// The parts of `shorten eval`: what was asked, what each model gave, and how that is kept and shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"
#include "cli/text_options.h"
#include "family/spec.h"
#include "tasks/compare.h"
#include "tasks/documents.h"
#include "tasks/finished.h"
#include "tasks/harness_files.h"

namespace shorten::cli {

struct EvalOptions {
  std::vector<std::string> models, text;
  std::string per_token;
  TextOptions text_options;
  int64_t window = 128, stride = 0;

  std::string tasks, task_data, profile{tasks::kDefaultProfile}, limit, log_samples;
  CLI::Option* limit_given = nullptr;
  LikelihoodSettings likelihood;
  bool list_tasks = false, markdown = false;
};

struct NamedText {
  std::string name;
  text::Source source;
};

struct Perplexity {
  std::string text, bos;
  int64_t tokens = 0, predicted = 0;
  double nll = 0;
};

struct ModelResult {
  std::string path, fingerprint;
  uint64_t parameters = 0;
  ComputeUsed used;
  std::vector<Perplexity> perplexity;
  std::vector<tasks::TaskOutcome> tasks;
  tasks::RunFacts facts;
};

const tasks::MetricValue& reported(const tasks::TaskOutcome& task);  // the one that the papers report

// The mean of the reported metric over the common-sense tasks that were asked; absent if none was.
struct Mean {
  std::vector<size_t> tasks;  // indices into ModelResult::tasks
  double value = 0;
  std::optional<double> standard_error;  // absent where one of theirs is
};
std::optional<Mean> mean_of(const ModelResult& model);

// A model against the first one.
struct Comparison {
  struct OfTask {
    double difference = 0;                  // of the reported metric
    std::optional<tasks::McNemar> mcnemar;  // of accuracies
  };
  std::vector<OfTask> tasks;
  std::optional<tasks::PairedBootstrap> mean;
};
Comparison compare(const ModelResult& first, const ModelResult& second, uint64_t seed);

// What the run was, and everything that came out of it.
struct EvalReport {
  const EvalOptions& options;
  const std::vector<NamedText>& texts;
  const tasks::Profile& profile;
  const std::vector<ModelResult>& models;
  const std::vector<Comparison>& comparisons;  // of the models after the first
  uint64_t seed = 0;
};
Json report_json(const EvalReport& report);
std::string report_table(const EvalReport& report);  // with options.markdown in Markdown

}  // namespace shorten::cli
