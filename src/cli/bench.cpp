// SPDX-License-Identifier: Apache-2.0
#include "cli/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "checkpoint/checkpoint.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/system.h"
#include "family/spec.h"

namespace shorten::cli {
namespace {

struct BenchOptions {
  std::vector<std::string> models, shapes;
  std::vector<int64_t> input = {12}, new_tokens = {128}, batch = {1}, blocks;
  std::string prompt, charts;
  CLI::Option *input_given = nullptr, *prompt_given = nullptr;

  bool own_prompt() const { return prompt_given->count() > 0; }
  int64_t runs = 20, warmup = 10;
};

using Prompt = std::vector<text::TokenId>;

// A model, once it is loaded, or what kept it from being.
struct Entry {
  BenchModel facts;
  family::ModelSpec spec;
  OpenRequest request;
  Prompt prompt;  // the user's as this model reads it; empty without one
  std::unique_ptr<LanguageModel> model;
  std::string out_of_memory;
};

// Calls work(); memory that ran out is a result here, not an error.
template <typename Work>
std::string unless_out_of_memory(const Work& work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    if (error.code() != ExitCode::kNoSpace) throw;
    std::string said = error.message();
    for (const std::string& part : {error.expected(), error.found()}) {
      if (!part.empty()) said += "; " + part;
    }
    return said;
  }
}

Entry read_entry(const std::string& path, bool random_weights, std::optional<int64_t> blocks, const BenchOptions& o,
                 const CommonOptions& common) {
  Entry out;
  out.request.model = random_weights ? fs::path(path) : checkpoint::resolve_model(path);
  out.request.random_weights = random_weights;
  out.request.blocks = blocks;
  out.request.seed = common.seed;
  out.request.compute = common.compute;
  out.spec = random_weights ? family::read_spec(read_json(path), path)
                            : family::read_spec(checkpoint::Checkpoint(out.request.model));
  BenchModel& facts = out.facts;
  facts.path = path;
  facts.random_weights = random_weights;
  facts.name = fmt::format("{}{}", path, random_weights ? ", random weights" : "");
  facts.blocks_before = static_cast<int64_t>(out.spec.blocks.size());
  facts.shape = {out.spec.vocabulary, out.spec.hidden, out.spec.blocks.front().intermediate,
                 out.spec.blocks.front().heads, out.spec.blocks.front().kv_heads};
  if (blocks) out.spec.blocks.resize(static_cast<size_t>(std::min(*blocks, facts.blocks_before)));
  facts.blocks = static_cast<int64_t>(out.spec.blocks.size());
  facts.parameters = family::count_parameters(out.spec).parameters;
  if (o.own_prompt()) out.prompt = encode_prompt(o.prompt, *open_tokenizer_of(out.request.model, {}), out.spec);
  return out;
}

void load(Entry& entry) {
  entry.out_of_memory = unless_out_of_memory([&] { entry.model = engine().open(entry.request); });
  if (!entry.model) return;
  entry.facts.weight_bytes = entry.model->weight_bytes();
  entry.facts.used = entry.model->used();
}

// The same prompt in every row, or random ids, others in each.
std::vector<Prompt> prompts(const Entry& entry, const GridPoint& point, const CommonOptions& common) {
  if (!entry.prompt.empty()) return std::vector<Prompt>(static_cast<size_t>(point.batch), entry.prompt);
  std::vector<Prompt> out;
  Random random(common.seed);
  for (int64_t r = 0; r < point.batch; ++r) {
    Prompt& row = out.emplace_back();
    for (int64_t i = 0; i < point.input; ++i)
      row.push_back(static_cast<text::TokenId>(random.below(static_cast<uint64_t>(entry.spec.vocabulary))));
  }
  return out;
}

// One model at one point: the room for it, and its runs.
struct Trial {
  const Entry* entry;
  std::vector<Prompt> prompts;
  std::unique_ptr<Continuation> continuation;
  BenchResult result;

  void run(bool counts) {
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto seconds = [](auto from, auto to) { return std::chrono::duration<double>(to - from).count(); };
    continuation->wait();
    const auto start = now();
    continuation->start(prompts);
    continuation->wait();
    const auto first = now();
    continuation->advance(result.point.new_tokens - 1);
    continuation->wait();
    const auto end = now();
    if (!counts) return;
    result.prefill.push_back(seconds(start, first));
    result.latency.push_back(seconds(start, end));
  }
};

GridPoint point_of(const Entry& entry, GridPoint point) {
  if (!entry.prompt.empty()) point.input = static_cast<int64_t>(entry.prompt.size());
  return point;
}

// The last token that is made is never read.
void check_length(const Entry& entry, const GridPoint& point) {
  if (point.input + point.new_tokens - 1 <= entry.spec.max_positions) return;
  throw usage_error("prompt and new tokens are longer than the model's context")
      .file(entry.facts.path)
      .expected(fmt::format("at most {} tokens", entry.spec.max_positions))
      .found(fmt::format("{} + {}", point.input, point.new_tokens));
}

Trial make_trial(const std::vector<Entry>& entries, size_t index, const GridPoint& asked, const CommonOptions& common) {
  const Entry& entry = entries[index];
  const GridPoint point = point_of(entry, asked);
  Trial trial{&entry, {}, nullptr, {}};
  trial.result.model = index;
  trial.result.point = point;
  trial.result.out_of_memory = entry.out_of_memory;
  if (!entry.model) return trial;
  const GenerationShape shape{point.batch, point.input, point.new_tokens};
  trial.result.out_of_memory = unless_out_of_memory([&] { trial.continuation = entry.model->continuation(shape, {}); });
  const double tokens = static_cast<double>(point.input) + static_cast<double>(point.new_tokens) / 2;
  trial.result.bytes_a_step = static_cast<double>(entry.model->bytes_read(point.batch, tokens));
  if (trial.continuation) trial.prompts = prompts(entry, point, common);
  return trial;
}

// All models at one point, in turn, so that a drift of the machine hits all alike.
void measure_point(const std::vector<Entry>& entries, const GridPoint& point, const BenchOptions& o,
                   const CommonOptions& common, std::vector<BenchResult>& results) {
  reset_peak_memory();
  std::vector<Trial> trials;
  for (size_t e = 0; e < entries.size(); ++e) trials.push_back(make_trial(entries, e, point, common));
  Progress progress(fmt::format("batch {}, {} + {}", point.batch, point.input, point.new_tokens), o.warmup + o.runs,
                    "runs");
  for (int64_t run = -o.warmup; run < o.runs; ++run) {
    for (Trial& trial : trials) {
      if (!trial.continuation) continue;
      const std::string failed = unless_out_of_memory([&] { trial.run(run >= 0); });
      if (failed.empty()) continue;
      trial.result.out_of_memory = failed;
      trial.result.latency.clear();
      trial.continuation.reset();
    }
    progress.advance();
  }
  for (Trial& trial : trials) {
    if (trial.continuation) trial.continuation->tokens();  // NaN is an error here too
    if (trial.entry->model) {
      const uint64_t device = trial.entry->model->used().device_memory;
      trial.result.peak_memory = device ? device : peak_memory();
    }
    results.push_back(std::move(trial.result));
  }
}

void check_usage(const BenchOptions& o) {
  if (o.models.empty() && o.shapes.empty())
    throw usage_error("no model").expected("MODEL..., or --random-weights CONFIG");
  if (o.own_prompt() && !o.shapes.empty())
    throw usage_error("a shape without weights has no tokenizer for --prompt").help("--input N: random token ids");
  if (o.own_prompt() && o.prompt.empty()) throw usage_error("an empty prompt").where("--prompt").expected("text");
  if (o.own_prompt() && *o.input_given) throw usage_error("--prompt and --input exclude each other");
}

void run_bench(const BenchOptions& o, const CommonOptions& common) {
  check_usage(o);
  std::vector<fs::path> inputs(o.shapes.begin(), o.shapes.end());
  for (const std::string& model : o.models) inputs.push_back(checkpoint::resolve_model(model));
  check_output(common.output, common.force, inputs);
  std::vector<std::optional<int64_t>> blocks(o.blocks.begin(), o.blocks.end());
  if (blocks.empty()) blocks.emplace_back();
  std::vector<StagedFile> charts;
  for (const char* name : {"latency.svg", "blocks.svg"}) {
    if (o.charts.empty()) break;
    const fs::path chart = fs::path(o.charts) / name;
    check_output(chart.string(), common.force, inputs);
    if (!common.output.empty() && real_path(chart) == real_path(common.output))
      throw usage_error("two results in one file").file(common.output).help("give -o another name");
  }

  std::vector<Entry> entries;
  for (const std::string& model : o.models) {
    for (const auto& n : blocks) entries.push_back(read_entry(model, false, n, o, common));
  }
  for (const std::string& shape : o.shapes) {
    for (const auto& n : blocks) entries.push_back(read_entry(shape, true, n, o, common));
  }
  std::vector<GridPoint> grid;
  for (const int64_t batch : o.batch) {
    for (const int64_t input : o.input) {
      for (const int64_t new_tokens : o.new_tokens) grid.push_back({input, new_tokens, batch});
    }
  }
  for (const Entry& entry : entries) {
    for (const GridPoint& point : grid) check_length(entry, point_of(entry, point));
  }

  const double bandwidth = engine().copy_bandwidth(common.compute);  // while nothing else wants the memory
  for (Entry& entry : entries) load(entry);
  std::vector<BenchResult> results;
  for (const GridPoint& point : grid) measure_point(entries, point, o, common, results);
  std::vector<BenchModel> models;
  for (const Entry& entry : entries) models.push_back(entry.facts);
  const BenchReport report{models, results, o.warmup, o.runs, bandwidth};
  const bool any = std::any_of(results.begin(), results.end(), [](const BenchResult& r) { return r.ran(); });
  if (!o.charts.empty() && any) {
    charts.emplace_back(fs::path(o.charts) / "latency.svg", latency_chart(report), common.force);
    charts.emplace_back(fs::path(o.charts) / "blocks.svg", blocks_chart(report), common.force);
  } else if (!o.charts.empty()) {
    log_warning("nothing fitted into memory: there are no charts");
  }
  deliver(common, bench_json(report), bench_table(report));
  for (StagedFile& chart : charts) chart.commit();
}

}  // namespace

std::function<void()> setup_bench(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<BenchOptions>();
  const auto list = [&](const char* name, std::vector<int64_t>& values, const char* help) {
    return app.add_option(name, values, help)
        ->type_name("LIST")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(1, 1 << 24));
  };
  app.add_option("MODEL", o->models, "one model, or several that are measured in turn");
  app.add_option("--random-weights", o->shapes, "a config.json: its shape without weights; may be repeated")
      ->type_name("CONFIG")
      ->allow_extra_args(false);
  list("--blocks", o->blocks, "keep only so many blocks of each model, the first ones");
  o->input_given = list("--input", o->input, "tokens of a prompt, drawn at random [12]");
  list("--new-tokens", o->new_tokens, "tokens to make; no token ends the text before [128]");
  list("--batch", o->batch, "sequences at a time [1]");
  o->prompt_given = app.add_option("--prompt", o->prompt, "this prompt instead of random ids")->type_name("TEXT");
  app.add_option("--runs", o->runs, "measured runs [20]")->type_name("N")->check(CLI::Range(1, 1 << 20));
  app.add_option("--warmup", o->warmup, "runs before, which do not count [10]")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--charts", o->charts, "write latency.svg and blocks.svg into this folder")->type_name("DIR");
  return [o, &common] { run_bench(*o, common); };
}

}  // namespace shorten::cli
