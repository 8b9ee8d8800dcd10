// SPDX-License-Identifier: Apache-2.0
#include "jobs/eval.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/common.h"
#include "cli/eval_table.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"

namespace shorten::cli {
namespace {

struct EvalOptions {
  std::vector<std::string> models, text;
  std::optional<std::string> limit;
  bool list_tasks = false, markdown = false;
  jobs::EvalRequest request;
};

std::optional<double> parse_limit(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size()) return value;
  throw usage_error("not a number of documents")
      .where("--limit")
      .expected("a whole number, or a share between 0 and 1")
      .found(printable(*text, 40));
}

void check_usage(const EvalOptions& o) {
  if (o.models.empty()) throw usage_error("no model").expected("MODEL...").help("shorten eval --help");
  if (o.text.empty() && o.request.tasks.empty())
    throw usage_error("nothing to measure").expected("--text NAME=SOURCE, --tasks LIST with --task-data DIR, or both");
}

void run_eval(const EvalOptions& o, const CommonOptions& common) {
  if (o.list_tasks) return write_stdout(tasks::describe_tasks());
  check_usage(o);
  jobs::EvalRequest request = o.request;
  request.limit = parse_limit(o.limit);
  request.texts = jobs::read_texts(o.text);
  for (const std::string& model : o.models) request.models.push_back(family::open_model(model));
  std::error_code failed;
  request.files.results = common.output;
  request.files.report_only = request.tasks.empty() || (!fs::is_directory(common.output, failed) &&
                                                        fs::path(common.output).extension() == ".json");
  request.files.force = common.force;
  request.seed = common.seed_or_default();
  request.compute = common.place.options();
  const auto report = jobs::evaluate(std::move(request), common.hooks);
  jobs::write_results(*report, [&] {
    write_stdout(common.json ? readable_json(jobs::to_json(*report)) : eval_table(*report, o.markdown));
  });
  if (!common.output.empty()) log_info("written: " + common.output);
}

std::string profiles_help() {
  std::string out = "\nProfiles, with the versions of lm-evaluation-harness they follow:\n";
  for (const tasks::Profile& profile : tasks::all_profiles())
    out += fmt::format("  {:<12} {}\n", profile.name, profile.versions);
  return out;
}

}  // namespace

std::function<void()> setup_eval(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<EvalOptions>();
  jobs::EvalRequest& r = o->request;
  app.add_option("MODEL", o->models, "one model, or several to compare");
  app.add_option("--text", o->text, "measure perplexity on this text; may be repeated")->type_name("NAME=SOURCE");
  app.add_option("--window", r.window, "tokens per window [128]")->type_name("N")->check(CLI::Range(2, 1 << 24));
  app.add_option("--stride", r.stride,
                 "distance between windows in tokens [the window]; if smaller, only new tokens count")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  add_text_options(app, r.tokens);
  app.add_option("--per-token", r.files.per_token, "write every token's log-probability, one JSON line per window")
      ->type_name("FILE");
  app.add_option("--tasks", r.tasks, "zero-shot tasks, separated by commas; common-sense: the seven of the papers")
      ->type_name("LIST");
  app.add_flag("--list-tasks", o->list_tasks, "list the tasks with data file, origin and licence, and exit");
  app.add_option("--task-data", r.task_data, "folder with <task>_<split>.jsonl for each task")->type_name("DIR");
  app.add_option("--profile", r.profile, fmt::format("version of the rules, see below [{}]", tasks::kDefaultProfile))
      ->type_name("NAME");
  app.add_option("--limit", o->limit, "only the first N documents of each task, or a share below 1")->type_name("N");
  app.add_option("--log-samples", r.files.log_samples, "write questions and answers to samples_<task>_<date>.jsonl")
      ->type_name("DIR");
  app.add_option("--logits-dtype", r.likelihood.logits_dtype, "round logits to fp32, bf16 or fp16 [auto: no rounding]")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}));
  app.add_option("--softmax-dtype", r.likelihood.softmax_dtype, "round log-probabilities and sums [fp32: no rounding]")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  app.add_option("--batch-tokens", r.likelihood.batch_tokens, "tokens per batch on a GPU [16384]; unused on a CPU")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  app.add_flag("--markdown", o->markdown, "print tables in Markdown");
  app.footer(profiles_help());
  return [o, &common] { run_eval(*o, common); };
}

}  // namespace shorten::cli
