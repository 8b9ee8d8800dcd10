// SPDX-License-Identifier: Apache-2.0
// What `eval` shows: perplexities a row a model; tasks a row a metric, and the models compared.
#include "cli/eval_table.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/units.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

constexpr double kCommonThreshold = 0.05;  // of p, below which a difference is called one

std::string render(bool markdown, const std::vector<report::Column>& columns, const report::Rows& rows) {
  return markdown ? report::render_markdown(columns, rows) + "\n" : report::render_table(columns, rows);
}

// One row a model, one column a text; with several models the factor on the first one's perplexity.
std::string perplexities(const jobs::EvalReport& report, bool markdown) {
  const auto& models = report.models;
  std::vector<report::Column> columns = {{"model", false}, {"parameters"}};
  for (const jobs::Perplexity& p : models[0].perplexity) {
    columns.push_back({p.text});
    if (models.size() > 1) columns.push_back({"ratio"});
  }
  report::Rows rows;
  for (const jobs::ModelResult& model : models) {
    rows.push_back({printable(model.path, 200), with_separators(static_cast<int64_t>(model.parameters))});
    for (size_t t = 0; t < model.perplexity.size(); ++t) {
      rows.back().push_back(fmt::format("{:.4f}", std::exp(model.perplexity[t].nll)));
      if (models.size() > 1)
        rows.back().push_back(fmt::format("{:.3f}", std::exp(model.perplexity[t].nll - models[0].perplexity[t].nll)));
    }
  }
  return render(markdown, columns, rows) +
         fmt::format("perplexity; windows of {} tokens, stride {}, BOS {}, {} on {}\n", report.request.window,
                     report.request.step(), models[0].perplexity[0].bos, models[0].used.dtype, models[0].used.device);
}

std::string with_error(double value, const std::optional<double>& error) {
  return error ? fmt::format("{:.4f} ± {:.4f}", value, *error) : fmt::format("{:.4f}", value);
}

std::string mean_name(const tasks::Mean& mean) {
  return mean.tasks.size() == 7 ? "mean of the seven" : fmt::format("mean of {} of the seven", mean.tasks.size());
}

std::string values(const jobs::EvalReport& report, bool markdown) {
  const auto& models = report.models;
  std::vector<report::Column> columns = {{"task", false}, {"metric", false}, {"documents"}};
  for (size_t m = 0; m < models.size(); ++m) columns.push_back({models.size() > 1 ? report::model_letter(m) : "value"});
  report::Rows rows;
  for (size_t t = 0; t < models[0].tasks.size(); ++t) {
    const tasks::TaskData& data = *models[0].tasks[t].data;
    for (size_t k = 0; k < data.task->metrics.size(); ++k) {
      rows.push_back({std::string(k ? "" : data.task->name), std::string(tasks::metric_name(data.task->metrics[k])),
                      k ? "" : with_separators(static_cast<int64_t>(data.examples.size()))});
      for (const jobs::ModelResult& model : models) {
        const tasks::MetricValue& value = model.tasks[t].metrics[k];
        rows.back().push_back(with_error(value.value, value.standard_error));
      }
    }
  }
  if (const auto first = tasks::mean_of(models[0].tasks)) {
    rows.push_back({mean_name(*first), "", ""});
    for (const jobs::ModelResult& model : models) {
      const tasks::Mean mean = *tasks::mean_of(model.tasks);
      rows.back().push_back(with_error(mean.value, mean.standard_error));
    }
  }
  return render(markdown, columns, rows);
}

std::string probability(double p) { return p < 0.0001 ? "< 0.0001" : fmt::format("{:.4f}", p); }

std::string verdict(const std::string& other, const tasks::PairedBootstrap& mean) {
  const std::string figures =
      fmt::format("difference of the means {:+.4f},\n95 % interval {:+.4f} to {:+.4f}, p {}, paired bootstrap\n",
                  mean.difference, mean.low, mean.high, probability(mean.p));
  if (mean.p >= kCommonThreshold) return fmt::format("{} and A cannot be told apart: {}", other, figures);
  return fmt::format("{} is {} than A: {}", other, mean.difference < 0 ? "worse" : "better", figures);
}

std::string comparison(const jobs::EvalReport& report, size_t model, bool markdown) {
  const std::string other = report::model_letter(model);
  const std::vector<report::Column> columns = {{other + " against A", false},
                                               {"metric", false},
                                               {"difference"},
                                               {"only A right"},
                                               {"only " + other},
                                               {"p (McNemar)"}};
  report::Rows rows;
  const tasks::Comparison& against = report.comparisons[model - 1];
  for (size_t t = 0; t < against.tasks.size(); ++t) {
    const tasks::Comparison::OfTask& task = against.tasks[t];
    const tasks::Task& of = *report.models[0].tasks[t].data->task;
    rows.push_back(
        {std::string(of.name), std::string(tasks::metric_name(of.reported)), fmt::format("{:+.4f}", task.difference)});
    if (task.mcnemar) {
      rows.back().push_back(with_separators(task.mcnemar->only_first));
      rows.back().push_back(with_separators(task.mcnemar->only_second));
      rows.back().push_back(probability(task.mcnemar->p));
    } else {
      rows.back().insert(rows.back().end(), 3, "");
    }
  }
  return "\n" + render(markdown, columns, rows) + (against.mean ? verdict(other, *against.mean) : "");
}

std::string task_tables(const jobs::EvalReport& report, bool markdown) {
  std::string out;
  if (report.models.size() > 1) {
    for (size_t m = 0; m < report.models.size(); ++m) {
      out += fmt::format("{}  {}, {} parameters{}\n", report::model_letter(m), printable(report.models[m].path, 200),
                         human_count(report.models[m].parameters), markdown ? "  " : "");
    }
    out += "\n";
  }
  out += values(report, markdown);
  out += fmt::format("zero-shot, profile {} (lm-evaluation-harness {}), {} on {}\n", report.profile->name,
                     report.profile->versions, report.models[0].used.dtype, report.models[0].used.device);
  for (size_t m = 1; m < report.models.size(); ++m) out += comparison(report, m, markdown);
  return out;
}

}  // namespace

std::string eval_table(const jobs::EvalReport& report, bool markdown) {
  std::string out;
  if (!report.request.texts.empty()) out += perplexities(report, markdown);
  if (!report.request.texts.empty() && !report.models[0].tasks.empty()) out += "\n";
  if (!report.models[0].tasks.empty()) out += task_tables(report, markdown);
  return out;
}

}  // namespace shorten::cli
