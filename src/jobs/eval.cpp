// SPDX-License-Identifier: Apache-2.0
#include "jobs/eval.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "core/error.h"
#include "engine/open.h"
#include "jobs/eval_output.h"
#include "jobs/eval_tasks.h"
#include "jobs/eval_text.h"

namespace shorten::jobs {
namespace {

// One model, checked and tokenised: what can be wrong shows before the first one computes.
struct PreparedModel {
  engine::ComputeUsed place;
  std::vector<PreparedText> texts;
  PreparedTasks tasks;

  double tokens() const {
    double total = tasks.tokens();
    for (const PreparedText& text : texts) {
      for (const auto& window : text.windows) total += static_cast<double>(window[0].ids.size());
    }
    return total;
  }
};

// "2026-11-24T04-55-16.123456", local time: as the harness names its files.
std::string file_date(std::chrono::system_clock::time_point now) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1000000;
  return fmt::format("{:%Y-%m-%dT%H-%M-%S}.{:06}", fmt::localtime(std::chrono::system_clock::to_time_t(now)), micros);
}

std::optional<std::pair<std::string, int64_t>> special(const text::Tokenizer& tokenizer,
                                                       const std::optional<text::TokenId>& id) {
  if (!id) return std::nullopt;
  return std::pair(tokenizer.decode({*id}, false), static_cast<int64_t>(*id));
}

tasks::RunFacts facts_of(const ModelResult& result, const PreparedModel& prepared, const family::Model& model,
                         const EvalRequest& request, std::chrono::system_clock::time_point started) {
  const auto now = std::chrono::system_clock::now();
  const text::Tokenizer& tokenizer = *prepared.tasks.tokenizer;
  tasks::RunFacts facts;
  facts.model = result.path;
  facts.dtype = result.used.dtype;
  facts.device = result.used.device;
  facts.parameters = result.parameters;
  facts.fingerprint = result.fingerprint;
  facts.limit = request.limit;
  facts.max_length = model.spec().max_positions;
  facts.seed = request.seed;
  facts.date = file_date(now);
  facts.unix_time = std::chrono::duration<double>(started.time_since_epoch()).count();
  facts.seconds = std::chrono::duration<double>(now - started).count();
  facts.bos = special(tokenizer, tokenizer.bos());
  facts.eos = special(tokenizer, tokenizer.eos());
  return facts;
}

ModelResult measure(EvalReport& report, size_t index, PreparedModel prepared, EvalOutput& output) {
  const auto started = std::chrono::system_clock::now();
  const EvalRequest& request = report.request;
  const family::ModelPtr& model = request.models[index];
  ModelResult result;
  result.path = model->name();
  result.fingerprint = model->fingerprint();
  result.parameters = family::count_parameters(model->spec()).parameters;
  result.used = prepared.place;

  std::unique_ptr<engine::LanguageModel> opened;
  const auto loaded = [&]() -> const engine::LanguageModel& {
    if (!opened) {
      engine::LoadRequest load;
      load.model = engine::source_of(model);
      load.tokens = prepared.tokens();
      load.compute = request.compute;
      opened = engine::open().load(load);
    }
    return *opened;
  };
  for (const PreparedText& text : prepared.texts)
    result.perplexity.push_back(measure_text(loaded(), text, result.path, request, report.per_token));
  result.tasks = measure_tasks(report, prepared.tasks, index, output, loaded);
  if (!report.data.empty()) result.facts = facts_of(result, prepared, *model, request, started);
  return result;
}

void check(const EvalRequest& request) {
  if (request.models.empty()) throw usage_error("no model").field("models");
  if (request.texts.empty() && request.tasks.empty())
    throw usage_error("nothing to measure").expected("a `text`, or `tasks`, or both");
  if (request.tasks.empty() != request.task_data.empty()) {
    throw usage_error(request.tasks.empty() ? "`task_data` without `tasks`" : "`tasks` without `task_data`")
        .help("shorten eval `list_tasks`: the tasks, and how to get their data");
  }
  if (request.tasks.empty() && !request.files.log_samples.empty()) throw usage_error("`log_samples` without `tasks`");
  if (request.texts.empty() && !request.files.per_token.empty())
    throw usage_error("`per_token` without a `text`").help("answers to tasks: `log_samples` DIR");
  if (request.step() > request.window) {
    throw usage_error("`stride` is longer than `window`: tokens between windows would be left out")
        .expected(fmt::format("1 to {}", request.window));
  }
}

}  // namespace

std::unique_ptr<EvalReport> evaluate(EvalRequest request, const Hooks& hooks) {
  const HookScope scope(hooks);
  check(request);
  auto report = std::make_unique<EvalReport>();
  report->request = std::move(request);
  const EvalRequest& r = report->request;
  report->profile = &tasks::find_profile(r.profile);
  report->data = read_tasks(r, *report->profile);
  std::vector<fs::path> inputs;
  for (const NamedText& text : r.texts) inputs.emplace_back(text.source.path);
  for (const tasks::TaskData& task : report->data) inputs.push_back(task.file);
  for (const family::ModelPtr& model : r.models) inputs.push_back(model->dir());
  EvalOutput output(r, inputs);

  std::vector<PreparedModel> prepared;
  for (size_t m = 0; m < r.models.size(); ++m) {
    PreparedModel& model = prepared.emplace_back();
    model.texts = prepare_texts(r, *r.models[m]);
    model.place = engine::open().place(r.models[m]->spec(), r.compute);
    model.tasks = prepare_tasks(*report, m, model.place, output);
  }
  for (size_t m = 0; m < prepared.size(); ++m) {
    report->models.push_back(measure(*report, m, std::move(prepared[m]), output));
    if (m > 0) report->comparisons.push_back(tasks::compare(report->models[0].tasks, report->models[m].tasks, r.seed));
  }
  return report;
}

}  // namespace shorten::jobs
