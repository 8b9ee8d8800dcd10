// SPDX-License-Identifier: Apache-2.0
// Perplexities and zero-shot tasks of one model or of several side by side (docs/protocols.md).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "engine/engine.h"
#include "jobs/text.h"
#include "tasks/documents.h"
#include "tasks/summary.h"

namespace shorten::jobs {

struct NamedText {
  std::string name;
  text::Source source;
};
// NAME=SOURCE, or SOURCE alone, which is named after its file. Throws usage_error unless names differ.
std::vector<NamedText> read_texts(const std::vector<std::string>& arguments);

// Where results go; empty: nowhere.
struct EvalFiles {
  fs::path results;  // a folder, or with `report_only` the report alone
  bool report_only = true;
  fs::path per_token;    // a JSON line a window, with the log-probability of each token
  fs::path log_samples;  // a folder for what was asked and answered
  bool force = false;    // replace files, and ask again what is answered in the folder
};

struct EvalRequest {
  std::vector<family::ModelPtr> models;
  std::vector<NamedText> texts;  // whose perplexity is measured
  int64_t window = 128;
  std::optional<int64_t> stride;  // tokens between windows; absent: the window
  TextRequest tokens;

  std::string tasks;   // names separated by commas; empty: none
  fs::path task_data;  // the folder with their files
  std::string profile{tasks::kDefaultProfile};
  std::optional<double> limit;  // documents of a task, or below 1 a share of them
  engine::LikelihoodSettings likelihood;

  EvalFiles files;
  uint64_t seed = 1234;  // of the bootstrap
  engine::ComputeOptions compute;

  int64_t step() const { return stride.value_or(window); }
};

struct Perplexity {
  std::string text, bos;
  int64_t tokens = 0, predicted = 0;
  double nll = 0;
};

struct ModelResult {
  std::string path, fingerprint;
  uint64_t parameters = 0;
  engine::ComputeUsed used;
  std::vector<Perplexity> perplexity;  // one a text
  std::vector<tasks::TaskOutcome> tasks;
  tasks::RunFacts facts;
};

struct EvalReport {
  EvalRequest request;
  const tasks::Profile* profile = nullptr;
  std::vector<tasks::TaskData> data;
  std::vector<ModelResult> models;
  std::vector<tasks::Comparison> comparisons;  // of the models after the first
  std::string per_token;                       // the content of files.per_token
};

// Checks everything before the first model computes. With a results folder, answers are kept as soon as they are there,
// and a repeated request continues from them. Throws usage_error naming the field, diverged for NaN, no_space.
std::unique_ptr<EvalReport> evaluate(EvalRequest request, const Hooks& hooks = {});

// Writes files.results, per_token and log_samples: all are staged, `before_commit` is called, then they get their
// names. If it throws, no file appears.
void write_results(const EvalReport& report, const std::function<void()>& before_commit);

Json to_json(const EvalReport& report);  // report.json of docs/formats.md

}  // namespace shorten::jobs
