// SPDX-License-Identifier: Apache-2.0
// report.json of docs/formats.md.
#include <cmath>

#include "core/version.h"
#include "jobs/eval.h"

namespace shorten::jobs {
namespace {

Json perplexities(const ModelResult& model, const EvalReport& report) {
  Json out = Json::array();
  for (size_t t = 0; t < report.request.texts.size(); ++t) {
    const Perplexity& p = model.perplexity[t];
    const text::Source& source = report.request.texts[t].source;
    out.push_back({{"text", p.text},
                   {"source", {{"path", source.path}, {"sha256", source.sha256}}},
                   {"window", report.request.window},
                   {"stride", report.request.step()},
                   {"bos", p.bos},
                   {"tokens", p.tokens},
                   {"predicted", p.predicted},
                   {"nll", p.nll},
                   {"value", std::exp(p.nll)}});
  }
  return out;
}

Json task(const tasks::TaskOutcome& outcome, const tasks::Profile& profile) {
  Json out = {{"n", outcome.data->examples.size()}};
  for (const tasks::MetricValue& value : outcome.metrics) {
    const std::string name(tasks::metric_name(value.metric));
    out[name] = value.value;
    if (value.standard_error) out[name + "_stderr"] = *value.standard_error;
  }
  out["profile"] = profile.name;
  out["available"] = outcome.data->available;
  out["shortened"] = outcome.shortened;
  out["source"] = {{"path", outcome.data->file.string()}, {"sha256", outcome.data->sha256}};
  return out;
}

Json task_names(const ModelResult& model, const tasks::Mean& mean) {
  Json out = Json::array();
  for (const size_t t : mean.tasks) out.push_back(model.tasks[t].data->task->name);
  return out;
}

Json model_json(const ModelResult& model, const EvalReport& report) {
  Json out = {{"path", model.path},
              {"fingerprint", model.fingerprint},
              {"parameters", model.parameters},
              {"compute", {{"device", model.used.device}, {"dtype", model.used.dtype}}},
              {"perplexity", perplexities(model, report)}};
  if (model.tasks.empty()) return out;
  out["profile"] = report.profile->name;
  out["logits_dtype"] = report.request.likelihood.logits_dtype;
  out["softmax_dtype"] = report.request.likelihood.softmax_dtype;
  out["max_length"] = model.facts.max_length;
  out["limit"] = model.facts.limit ? Json(*model.facts.limit) : Json();
  Json& of_tasks = out["tasks"] = Json::object();
  for (const tasks::TaskOutcome& outcome : model.tasks)
    of_tasks[std::string(outcome.data->task->name)] = task(outcome, *report.profile);
  if (const auto mean = tasks::mean_of(model.tasks)) {
    out["mean"] = mean->value;
    if (mean->standard_error) out["mean_stderr"] = *mean->standard_error;
    out["mean_tasks"] = task_names(model, *mean);
  }
  return out;
}

Json comparison_json(const EvalReport& report, size_t model) {
  const tasks::Comparison& against = report.comparisons[model - 1];
  Json of_tasks = Json::object();
  for (size_t t = 0; t < against.tasks.size(); ++t) {
    const tasks::Comparison::OfTask& of = against.tasks[t];
    const tasks::Task& task = *report.models[0].tasks[t].data->task;
    Json& out = of_tasks[std::string(task.name)] = {{"metric", tasks::metric_name(task.reported)},
                                                    {"difference", of.difference}};
    if (!of.mcnemar) continue;
    out["only_first"] = of.mcnemar->only_first;
    out["only_second"] = of.mcnemar->only_second;
    out["p"] = of.mcnemar->p;
  }
  Json out = {{"model", model}, {"against", 0}, {"tasks", of_tasks}};
  if (against.mean) {
    out["mean"] = {{"difference", against.mean->difference},
                   {"low", against.mean->low},
                   {"high", against.mean->high},
                   {"p", against.mean->p},
                   {"resamples", against.mean->resamples},
                   {"seed", report.request.seed}};
  }
  return out;
}

}  // namespace

Json to_json(const EvalReport& report) {
  Json models = Json::array();
  for (const ModelResult& model : report.models) models.push_back(model_json(model, report));
  Json out = {{"format", "shorten.eval"}, {"version", 1}, {"shorten_version", kVersion}, {"models", models}};
  if (report.comparisons.empty() || report.models[0].tasks.empty()) return out;
  Json& comparisons = out["comparisons"] = Json::array();
  for (size_t m = 1; m < report.models.size(); ++m) comparisons.push_back(comparison_json(report, m));
  return out;
}

}  // namespace shorten::jobs
