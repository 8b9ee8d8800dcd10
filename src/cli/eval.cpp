// SPDX-License-Identifier: Apache-2.0
#include "cli/eval.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "checkpoint/checkpoint.h"
#include "cli/eval_output.h"
#include "cli/eval_tasks.h"
#include "cli/eval_text.h"
#include "core/error.h"
#include "family/spec.h"

namespace shorten::cli {
namespace {

// One model, checked and tokenised: what can be wrong shows before the first one computes.
struct PreparedModel {
  fs::path dir;
  family::ModelSpec spec;
  std::string fingerprint;
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

tasks::RunFacts facts_of(const ModelResult& result, const PreparedModel& model, const EvalOptions& o,
                         const CommonOptions& common, std::chrono::system_clock::time_point started) {
  const auto now = std::chrono::system_clock::now();
  const text::Tokenizer& tokenizer = *model.tasks.tokenizer;
  tasks::RunFacts facts;
  facts.model = result.path;
  facts.dtype = result.used.dtype;
  facts.device = result.used.device;
  facts.parameters = result.parameters;
  facts.fingerprint = result.fingerprint;
  facts.limit = parse_limit(o.limit);
  facts.max_length = model.spec.max_positions;
  facts.seed = common.seed;
  facts.date = file_date(now);
  facts.unix_time = std::chrono::duration<double>(started.time_since_epoch()).count();
  facts.seconds = std::chrono::duration<double>(now - started).count();
  facts.bos = special(tokenizer, tokenizer.bos());
  facts.eos = special(tokenizer, tokenizer.eos());
  return facts;
}

ModelResult measure(size_t index, PreparedModel model, const std::vector<tasks::TaskData>& data, const EvalOptions& o,
                    const CommonOptions& common, EvalOutput& output, std::string& per_token) {
  const auto started = std::chrono::system_clock::now();
  ModelResult result;
  result.path = o.models[index];
  result.fingerprint = model.fingerprint;
  result.parameters = family::count_parameters(model.spec).parameters;
  result.used = engine().place(model.dir, common.compute);

  std::unique_ptr<LanguageModel> opened;
  const auto loaded = [&]() -> const LanguageModel& {
    if (!opened) {
      OpenRequest request;
      request.model = model.dir;
      request.tokens = model.tokens();
      request.compute = common.compute;
      opened = engine().open(request);
    }
    return *opened;
  };
  for (const PreparedText& text : model.texts)
    result.perplexity.push_back(measure_text(loaded(), text, result.path, o, per_token));
  result.tasks = measure_tasks(data, model.tasks, index, o, output, loaded);
  if (!data.empty()) result.facts = facts_of(result, model, o, common, started);
  return result;
}

void check_usage(EvalOptions& o) {
  if (o.models.empty()) throw usage_error("no model").expected("MODEL...").help("shorten eval --help");
  if (o.text.empty() && o.tasks.empty())
    throw usage_error("nothing to measure").expected("--text NAME=SOURCE, --tasks LIST with --task-data DIR, or both");
  if (o.tasks.empty() != o.task_data.empty()) {
    throw usage_error(o.tasks.empty() ? "--task-data without --tasks" : "--tasks without --task-data")
        .help("shorten eval --list-tasks: the tasks, and how to get their data");
  }
  if (o.tasks.empty() && !o.log_samples.empty()) throw usage_error("--log-samples without --tasks");
  if (o.text.empty() && !o.per_token.empty())
    throw usage_error("--per-token without --text").help("answers to tasks: --log-samples DIR");
  if (*o.limit_given && o.limit.empty()) throw usage_error("an empty --limit");
  if (o.stride == 0) o.stride = o.window;
  if (o.stride > o.window)
    throw usage_error("--stride is longer than --window: tokens between windows would be left out")
        .expected(fmt::format("1 to {}", o.window));
}

void run_eval(EvalOptions o, const CommonOptions& common) {
  if (o.list_tasks) return write_stdout(tasks::describe_tasks());
  check_usage(o);
  const tasks::Profile& profile = tasks::find_profile(o.profile);
  const std::vector<NamedText> texts = read_texts(o.text);
  const std::vector<tasks::TaskData> data = read_tasks(o, profile);
  std::vector<fs::path> inputs;
  for (const NamedText& text : texts) inputs.emplace_back(text.source.path);
  for (const tasks::TaskData& task : data) inputs.push_back(task.file);
  std::vector<PreparedModel> prepared;
  for (const std::string& model : o.models) {
    prepared.emplace_back().dir = checkpoint::resolve_model(model);
    inputs.push_back(prepared.back().dir);
  }
  EvalOutput output(o, common, inputs);

  for (size_t m = 0; m < o.models.size(); ++m) {
    PreparedModel& model = prepared[m];
    const checkpoint::Checkpoint checkpoint(model.dir);
    model.spec = family::read_spec(checkpoint);
    model.fingerprint = checkpoint.fingerprint();
    model.texts = prepare_texts(texts, model.dir, model.spec, o);
    model.tasks = prepare_tasks(data, m, model.dir, model.fingerprint, model.spec,
                                engine().place(model.dir, common.compute), o, profile, output);
  }
  std::vector<ModelResult> results;
  std::vector<Comparison> comparisons;
  std::string per_token;
  for (size_t m = 0; m < prepared.size(); ++m) {
    results.push_back(measure(m, std::move(prepared[m]), data, o, common, output, per_token));
    if (m > 0) comparisons.push_back(compare(results[0], results[m], common.seed));
  }
  output.deliver({o, texts, profile, results, comparisons, common.seed}, per_token);
}

std::string profiles_help() {
  std::string out = "\nProfiles of lm-evaluation-harness, whose numbers differ:\n";
  for (const tasks::Profile& profile : tasks::all_profiles())
    out += fmt::format("  {:<12} {}\n", profile.name, profile.versions);
  return out;
}

}  // namespace

std::function<void()> setup_eval(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<EvalOptions>();
  app.add_option("MODEL", o->models, "one model, or several for a table side by side");
  app.add_option("--text", o->text, "measure perplexity on this text; may be repeated")->type_name("NAME=SOURCE");
  app.add_option("--window", o->window, "tokens of a window [128]")->type_name("N")->check(CLI::Range(2, 1 << 24));
  app.add_option("--stride", o->stride,
                 "tokens between windows [the window]; less than the window: only new tokens count")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  add_text_options(app, o->text_options);
  app.add_option("--per-token", o->per_token, "write every token's log-probability, a JSON line a window")
      ->type_name("FILE");
  app.add_option("--tasks", o->tasks, "zero-shot tasks, separated by commas; common-sense: the seven of the papers")
      ->type_name("LIST");
  app.add_flag("--list-tasks", o->list_tasks, "list the tasks: data file, origin, licence; then end");
  app.add_option("--task-data", o->task_data, "folder with <task>_<split>.jsonl for each task")->type_name("DIR");
  app.add_option("--profile", o->profile, fmt::format("whose rules, see below [{}]", tasks::kDefaultProfile))
      ->type_name("NAME");
  o->limit_given =
      app.add_option("--limit", o->limit, "only the first N documents of a task, or below 1 a share")->type_name("N");
  app.add_option("--log-samples", o->log_samples, "write what was asked and answered, samples_<task>_<date>.jsonl")
      ->type_name("DIR");
  app.add_option("--logits-dtype", o->likelihood.logits_dtype, "round logits to fp32, bf16 or fp16 [auto: not]")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}));
  app.add_option("--softmax-dtype", o->likelihood.softmax_dtype, "round log-probabilities and sums [fp32: not]")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  app.add_option("--batch-tokens", o->likelihood.batch_tokens, "tokens of a batch on a GPU [16384]; a CPU needs none")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  app.add_flag("--markdown", o->markdown, "tables in Markdown");
  app.footer(profiles_help());
  return [o, &common] { run_eval(std::move(*o), common); };
}

}  // namespace shorten::cli
