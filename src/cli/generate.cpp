// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "checkpoint/checkpoint.h"
#include "cli/common.h"
#include "cli/sampling_options.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/version.h"
#include "family/spec.h"
#include "family/stop_tokens.h"
#include "text/stream.h"

namespace shorten::cli {
namespace {

struct GenerateOptions {
  std::vector<std::string> models, prompts, stops;
  TextOptions text_options;
  int64_t new_tokens = 128;
  CLI::Option* new_tokens_given = nullptr;
  SamplingSettings sampling;
  bool ignore_eos = false;
};

struct Sample {
  std::vector<text::TokenId> prompt_ids, ids;
  std::string text, stop = "length";  // or "eos", "stop-string"
};

// A model and what it is to go on from; then also what it made of it.
struct Job {
  std::string path;
  fs::path dir;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::vector<int64_t> eos;
  GenerationShape shape;
  std::vector<Sample> samples;  // one a prompt
  ComputeUsed used;
};

// Tokens of one sequence until it ends.
class Writer {
 public:
  Writer(const text::Tokenizer& tokenizer, const GenerateOptions& options, const std::vector<int64_t>& eos,
         Sample& sample, bool show)
      : tokenizer_(tokenizer), stream_(tokenizer, options.stops), eos_(eos), sample_(sample), show_(show) {}

  bool done() const { return done_; }

  void push(text::TokenId id) {
    if (done_) return;
    sample_.ids.push_back(id);
    const bool eos = std::find(eos_.begin(), eos_.end(), id) != eos_.end();
    say(stream_.push(id));
    if (eos || stream_.stopped()) sample_.stop = eos ? "eos" : "stop-string";
    if (eos || stream_.stopped()) finish();
  }

  void finish() {
    if (done_) return;
    done_ = true;
    say(stream_.finish());
    sample_.text = stream_.stopped() ? stream_.text() : tokenizer_.decode(sample_.ids, true);
  }

 private:
  void say(const std::string& text) {
    if (show_ && !text.empty()) write_stdout(text);
  }

  const text::Tokenizer& tokenizer_;
  text::TextStream stream_;
  const std::vector<int64_t>& eos_;
  Sample& sample_;
  bool show_, done_ = false;
};

// New tokens that fit behind the longest prompt. A number that was asked for is never reduced.
int64_t room(const std::string& model, const GenerateOptions& o, int64_t prompt, const family::ModelSpec& spec) {
  const int64_t left = spec.max_positions - prompt;
  if (o.new_tokens <= left) return o.new_tokens;
  if (!*o.new_tokens_given) {
    if (o.prompts.size() > 1)
      log_warning(fmt::format("{}: the longest prompt, {} tokens, leaves each at most {} new ones",
                              printable(model, 60), prompt, left));
    return left;
  }
  throw usage_error("prompt and new tokens are longer than the model's context")
      .where("--max-new-tokens")
      .expected(fmt::format("at most {} behind a prompt of {} tokens", left, prompt))
      .found(fmt::format("{}", o.new_tokens));
}

Job read_job(const std::string& name, const GenerateOptions& o) {
  Job out;
  out.path = name;
  out.dir = checkpoint::resolve_model(name);
  const checkpoint::Checkpoint checkpoint(out.dir);
  const family::ModelSpec spec = family::read_spec(checkpoint);
  out.tokenizer = open_tokenizer_of(out.dir, o.text_options);
  out.eos = family::read_stop_tokens(checkpoint, spec.vocabulary);
  if (out.eos.empty() && out.tokenizer->eos()) out.eos.push_back(*out.tokenizer->eos());
  if (o.ignore_eos) out.eos.clear();
  for (const std::string& prompt : o.prompts) {
    Sample& sample = out.samples.emplace_back();
    sample.prompt_ids = encode_prompt(prompt, *out.tokenizer, spec);
    out.shape.prompt = std::max(out.shape.prompt, static_cast<int64_t>(sample.prompt_ids.size()));
  }
  out.shape.rows = static_cast<int64_t>(out.samples.size());
  out.shape.new_tokens = room(name, o, out.shape.prompt, spec);
  out.shape.draws = o.sampling.temperature > 0;
  return out;
}

void generate(Job& job, const GenerateOptions& o, const CommonOptions& common, bool show) {
  const GenerationShape& shape = job.shape;
  OpenRequest request;
  request.model = job.dir;
  request.compute = common.compute;
  request.generation = shape;
  const auto model = engine().open(request);
  const auto start = std::chrono::steady_clock::now();
  const auto continuation = model->continuation(shape, o.sampling);
  std::vector<Writer> writers;
  std::vector<std::vector<text::TokenId>> prompts;
  for (Sample& sample : job.samples) {
    writers.emplace_back(*job.tokenizer, o, job.eos, sample, show);
    prompts.push_back(sample.prompt_ids);
  }
  // On a device tokens are fetched some at a time, so that it does not wait for us between two of them.
  const int64_t at_a_time = model->used().device == "cpu" ? 1 : 8;
  continuation->start(prompts);
  for (int64_t made = 1;; made = std::min(made + at_a_time, shape.new_tokens)) {
    const auto tokens = continuation->tokens();
    bool all_done = true;
    for (size_t r = 0; r < writers.size(); ++r) {
      for (size_t i = job.samples[r].ids.size(); i < tokens[r].size() && !writers[r].done(); ++i)
        writers[r].push(tokens[r][i]);
      all_done = all_done && writers[r].done();
    }
    if (all_done || made == shape.new_tokens) break;
    continuation->advance(std::min(at_a_time, shape.new_tokens - made));
  }
  size_t count = 0;
  for (size_t r = 0; r < writers.size(); ++r) {
    writers[r].finish();
    count += job.samples[r].ids.size();
  }
  if (show) write_stdout("\n");
  job.used = model->used();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  log_info(fmt::format("{}: {} tokens, {:.1f} tokens/s, {} on {}", printable(job.path, 60), count,
                       static_cast<double>(count) / seconds, job.used.dtype, job.used.device));
}

Json to_json(const std::vector<Job>& jobs, const GenerateOptions& o) {
  Json results = Json::array();
  for (const Job& job : jobs) {
    for (size_t p = 0; p < job.samples.size(); ++p) {
      const Sample& sample = job.samples[p];
      results.push_back({{"path", job.path},
                         {"prompt", o.prompts[p]},
                         {"prompt_ids", sample.prompt_ids},
                         {"ids", sample.ids},
                         {"text", sample.text},
                         {"stop", sample.stop},
                         {"compute", {{"device", job.used.device}, {"dtype", job.used.dtype}}}});
    }
  }
  const SamplingSettings& s = o.sampling;
  return {{"format", "shorten.generate"},
          {"version", 1},
          {"shorten_version", kVersion},
          {"sampling",
           {{"temperature", s.temperature},
            {"top_k", s.top_k},
            {"top_p", s.top_p},
            {"min_p", s.min_p},
            {"repetition_penalty", s.repetition_penalty},
            {"seed", s.seed}}},
          {"results", results}};
}

void run_generate(GenerateOptions o, const CommonOptions& common) {
  o.sampling.seed = common.seed;
  check_sampling(o.sampling);
  for (const std::string& prompt : o.prompts) {
    if (prompt.empty()) throw usage_error("an empty prompt").where("--prompt").expected("text to go on from");
  }
  for (const std::string& stop : o.stops) {
    if (stop.empty()) throw usage_error("an empty stop string").where("--stop");
  }
  std::vector<fs::path> inputs;
  for (const std::string& model : o.models) inputs.push_back(checkpoint::resolve_model(model));
  check_output(common.output, common.force, inputs);

  // One text appears as it comes; several, one after another with a heading each.
  const bool stream = !common.json && o.prompts.size() == 1;
  const bool headings = o.models.size() > 1 || o.prompts.size() > 1;
  std::vector<Job> jobs;  // all are sound before the first begins
  for (const std::string& model : o.models) jobs.push_back(read_job(model, o));
  std::string rest;
  for (size_t j = 0; j < jobs.size(); ++j) {
    const std::string name = printable(jobs[j].path, 200);
    if (stream && headings) write_stdout(fmt::format("{}== {}\n", j == 0 ? "" : "\n", name));
    generate(jobs[j], o, common, stream);
    for (size_t p = 0; !stream && p < o.prompts.size(); ++p) {
      rest += fmt::format("{}== {}, prompt {}\n{}\n", rest.empty() ? "" : "\n", name, p + 1, jobs[j].samples[p].text);
    }
  }
  deliver(common, to_json(jobs, o), rest);
}

}  // namespace

std::function<void()> setup_generate(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<GenerateOptions>();
  app.add_option("MODEL", o->models, "one model, or several one after another")->required();
  app.add_option("--prompt", o->prompts, "text to go on from; may be repeated")
      ->type_name("TEXT")
      ->required()
      ->allow_extra_args(false);
  o->new_tokens_given = app.add_option("--max-new-tokens", o->new_tokens, "at most so many tokens [128]")
                            ->type_name("N")
                            ->check(CLI::Range(1, 1 << 24));
  add_sampling_options(app, o->sampling);
  app.add_option("--stop", o->stops, "end before this text; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", o->ignore_eos, "go on behind the end-of-sequence token");
  app.add_option("--tokenizer", o->text_options.tokenizer, "auto, json or sentencepiece [auto]")->type_name("KIND");
  return [o, &common] { run_generate(std::move(*o), common); };
}

}  // namespace shorten::cli
