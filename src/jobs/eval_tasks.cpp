// SPDX-License-Identifier: Apache-2.0
#include "jobs/eval_tasks.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/progress.h"
#include "core/sha256.h"
#include "core/units.h"
#include "core/version.h"
#include "text/token_tree.h"

namespace shorten::jobs {
namespace {

// Of everything that goes through the model: the documents asked, their wording, the tokenizer, the windows.
std::string tokens_sha256(const tasks::EncodedTask& encoded) {
  Sha256 sha;
  for (const auto& windows : encoded.windows) {
    for (const text::Window& window : windows) {
      sha.update(fmt::format("{} {}:", window.ids.size(), window.first_target));
      sha.update(std::as_bytes(std::span(window.ids)));
    }
  }
  return sha.hex();
}

tasks::AnswerKey answer_key(const tasks::TaskData& data, const tasks::EncodedTask& encoded,
                            const std::string& fingerprint, const engine::ComputeUsed& place,
                            const EvalReport& report) {
  const engine::LikelihoodSettings& likelihood = report.request.likelihood;
  tasks::AnswerKey key = {{"version of shorten", kVersion},
                          {"task", data.task->name},
                          {"model", fingerprint},
                          {"profile", report.profile->name},
                          {"data file", "sha256:" + data.sha256},
                          {"number of documents", data.examples.size()},
                          {"sequence of tokens", "sha256:" + tokens_sha256(encoded)},
                          {"device", place.device},
                          {"dtype", place.dtype},
                          {"logits dtype", likelihood.logits_dtype},
                          {"softmax dtype", likelihood.softmax_dtype}};
  // Elsewhere numbers do not depend on it.
  if (place.device != "cpu") key["batch"] = likelihood.batch_tokens;
  return key;
}

tasks::TaskAnswers ask(const tasks::TaskData& data, const tasks::EncodedTask& encoded, const std::string& name,
                       const engine::LanguageModel& model, const engine::LikelihoodSettings& settings) {
  tasks::TaskAnswers answers(encoded.windows.size());
  Progress progress(fmt::format("{}: {}", printable(fs::path(name).filename().string(), 20), data.task->name),
                    static_cast<int64_t>(answers.size()), "documents");
  model.likelihoods(encoded.windows, settings, [&](size_t i, const std::vector<text::WindowScore>& scores) {
    if (data.task->kind == tasks::Kind::kText) {  // one answer, whatever the number of windows
      tasks::Answer& whole = answers[i].emplace_back(tasks::Answer{0, true});
      for (const text::WindowScore& score : scores) {
        whole.loglikelihood += score.sum;
        whole.greedy = whole.greedy && score.greedy;
      }
    } else {
      for (const text::WindowScore& score : scores) answers[i].push_back({score.sum, score.greedy});
    }
    progress.advance();
  });
  return answers;
}

}  // namespace

double PreparedTasks::tokens() const {
  double total = 0;
  for (size_t t = 0; t < encoded.size(); ++t) {
    if (!finished[t]) total += static_cast<double>(text::count_tokens(encoded[t].windows));
  }
  return total;
}

std::vector<tasks::TaskData> read_tasks(const EvalRequest& request, const tasks::Profile& profile) {
  std::vector<tasks::TaskData> out;
  if (request.tasks.empty()) return out;
  for (const tasks::Task* task : tasks::parse_tasks(request.tasks))
    out.push_back(tasks::read_task(*task, request.task_data, profile, request.limit));
  return out;
}

PreparedTasks prepare_tasks(const EvalReport& report, size_t index, const engine::ComputeUsed& place,
                            EvalOutput& output) {
  PreparedTasks out;
  if (report.data.empty()) return out;
  const family::Model& model = *report.request.models[index];
  const family::ModelSpec& spec = model.spec();
  out.tokenizer = open_tokenizer(model, report.request.tokens);
  for (const tasks::TaskData& task : report.data) {
    out.encoded.push_back(encode_task(task, *out.tokenizer, *report.profile, spec.max_positions, spec.vocabulary));
    const tasks::EncodedTask& encoded = out.encoded.back();
    if (encoded.shortened > 0) {
      log_warning(fmt::format("{}: {} contexts are longer than the {} tokens of the model and lose their beginning",
                              task.task->name, with_separators(encoded.shortened), spec.max_positions));
    }
    out.keys.push_back(answer_key(task, encoded, model.fingerprint(), place, report));
    out.finished.push_back(output.finished(index, task, out.keys.back()));
  }
  return out;
}

std::vector<tasks::TaskOutcome> measure_tasks(const EvalReport& report, PreparedTasks& prepared, size_t model,
                                              EvalOutput& output,
                                              const std::function<const engine::LanguageModel&()>& loaded) {
  const std::vector<tasks::TaskData>& data = report.data;
  std::vector<tasks::TaskOutcome> out;
  for (size_t t = 0; t < data.size(); ++t) {
    tasks::TaskOutcome& outcome = out.emplace_back();
    outcome.data = &data[t];
    outcome.shortened = prepared.encoded[t].shortened;
    if (prepared.finished[t]) {
      outcome.answers = std::move(*prepared.finished[t]);
    } else {
      outcome.answers =
          ask(data[t], prepared.encoded[t], report.request.models[model]->name(), loaded(), report.request.likelihood);
    }
    // Before they are kept: NaN is refused here.
    outcome.metrics = tasks::measure(*data[t].task, data[t].examples, data[t].ids, outcome.answers);
    if (!prepared.finished[t]) output.keep(model, data[t], prepared.keys[t], outcome.answers);
  }
  return out;
}

}  // namespace shorten::jobs
