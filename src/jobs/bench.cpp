// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/random.h"
#include "core/system.h"
#include "engine/open.h"
#include "jobs/text.h"

namespace shorten::jobs {
namespace {

using Prompt = std::vector<text::TokenId>;

// A model, once it is loaded, or what kept it from being.
struct Entry {
  BenchModel facts;
  engine::ModelSource source;
  Prompt prompt;  // the request's as this model reads it; empty without one
  std::unique_ptr<engine::LanguageModel> model;
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

Entry read_entry(const BenchSubject& subject, std::optional<int64_t> blocks, const BenchRequest& request) {
  Entry out;
  const bool random = !subject.model;
  out.source = random ? engine::ModelSource{family::read_spec(read_json(subject.config), subject.config), nullptr}
                      : engine::source_of(subject.model);
  family::ModelSpec& spec = out.source.spec;
  BenchModel& facts = out.facts;
  facts.path = random ? subject.config.string() : subject.model->name();
  facts.random_weights = random;
  facts.name = fmt::format("{}{}", facts.path, random ? ", random weights" : "");
  facts.blocks_before = static_cast<int64_t>(spec.blocks.size());
  const family::BlockSpec& block = spec.blocks.front();
  facts.shape = {spec.vocabulary, spec.hidden, block.intermediate, block.heads, block.kv_heads};
  if (blocks && (*blocks < 1 || *blocks > facts.blocks_before)) {
    throw usage_error("no such number of blocks")
        .file(facts.path)
        .field("blocks")
        .expected(fmt::format("1 to {}", facts.blocks_before))
        .found(fmt::format("{}", *blocks));
  }
  if (blocks) spec.blocks.resize(static_cast<size_t>(*blocks));
  facts.blocks = static_cast<int64_t>(spec.blocks.size());
  facts.parameters = family::count_parameters(spec).parameters;
  if (request.prompt) out.prompt = encode_prompt(*request.prompt, *open_tokenizer(*subject.model, {}), spec);
  return out;
}

void load(Entry& entry, const BenchRequest& request) {
  engine::LoadRequest wanted;
  wanted.model = entry.source;
  wanted.seed = request.seed;
  wanted.compute = request.compute;
  entry.out_of_memory = unless_out_of_memory([&] { entry.model = engine::open().load(wanted); });
  if (!entry.model) return;
  entry.facts.weight_bytes = entry.model->weight_bytes();
  entry.facts.used = entry.model->used();
}

// The same prompt in every row, or random ids, others in each.
std::vector<Prompt> prompts(const Entry& entry, const GridPoint& point, const BenchRequest& request) {
  if (!entry.prompt.empty()) return std::vector<Prompt>(static_cast<size_t>(point.batch), entry.prompt);
  std::vector<Prompt> out;
  Random random(request.seed);
  for (int64_t r = 0; r < point.batch; ++r) {
    Prompt& row = out.emplace_back();
    for (int64_t i = 0; i < point.input; ++i)
      row.push_back(static_cast<text::TokenId>(random.below(static_cast<uint64_t>(entry.source.spec.vocabulary))));
  }
  return out;
}

// One model at one point: the room for it, and its runs.
struct Trial {
  const Entry* entry;
  std::vector<Prompt> prompts;
  std::unique_ptr<engine::Continuation> continuation;
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
  if (point.input + point.new_tokens - 1 <= entry.source.spec.max_positions) return;
  throw usage_error("prompt and new tokens are longer than the model's context")
      .file(entry.facts.path)
      .expected(fmt::format("at most {} tokens", entry.source.spec.max_positions))
      .found(fmt::format("{} + {}", point.input, point.new_tokens));
}

Trial make_trial(const std::vector<Entry>& entries, size_t index, const GridPoint& asked, const BenchRequest& request) {
  const Entry& entry = entries[index];
  const GridPoint point = point_of(entry, asked);
  Trial trial{&entry, {}, nullptr, {}};
  trial.result.model = index;
  trial.result.point = point;
  trial.result.out_of_memory = entry.out_of_memory;
  if (!entry.model) return trial;
  const engine::GenerationShape shape{point.batch, point.input, point.new_tokens};
  trial.result.out_of_memory = unless_out_of_memory([&] { trial.continuation = entry.model->continuation(shape, {}); });
  const double tokens = static_cast<double>(point.input) + static_cast<double>(point.new_tokens) / 2;
  trial.result.bytes_a_step = static_cast<double>(entry.model->bytes_read(point.batch, tokens));
  if (trial.continuation) trial.prompts = prompts(entry, point, request);
  return trial;
}

// All models at one point, in turn, so that a drift of the machine hits all alike.
void measure_point(const std::vector<Entry>& entries, const GridPoint& point, const BenchRequest& o,
                   std::vector<BenchResult>& results) {
  reset_peak_memory();
  std::vector<Trial> trials;
  for (size_t e = 0; e < entries.size(); ++e) trials.push_back(make_trial(entries, e, point, o));
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

void check(const BenchRequest& request) {
  if (request.subjects.empty()) throw usage_error("no model").field("models");
  if (!request.prompt) return;
  const auto random = [](const BenchSubject& s) { return !s.model; };
  if (std::any_of(request.subjects.begin(), request.subjects.end(), random))
    throw usage_error("a shape without weights has no tokenizer for `prompt`").help("`input` N: random token ids");
  if (request.prompt->empty()) throw usage_error("an empty prompt").field("prompt").expected("text");
}

std::vector<GridPoint> grid_of(const BenchRequest& request) {
  std::vector<GridPoint> grid;
  for (const int64_t batch : request.batch) {
    for (const int64_t input : request.input) {
      for (const int64_t new_tokens : request.new_tokens) grid.push_back({input, new_tokens, batch});
    }
  }
  return grid;
}

}  // namespace

BenchReport measure_speed(const BenchRequest& request, const Hooks& hooks) {
  const HookScope scope(hooks);
  check(request);
  std::vector<std::optional<int64_t>> blocks(request.blocks.begin(), request.blocks.end());
  if (blocks.empty()) blocks.emplace_back();
  std::vector<Entry> entries;
  for (const BenchSubject& subject : request.subjects) {
    for (const auto& n : blocks) entries.push_back(read_entry(subject, n, request));
  }
  const std::vector<GridPoint> grid = grid_of(request);
  for (const Entry& entry : entries) {
    for (const GridPoint& point : grid) check_length(entry, point_of(entry, point));
  }

  BenchReport report;
  report.warmup = request.warmup;
  report.runs = request.runs;
  report.copy_bandwidth = engine::open().copy_bandwidth(request.compute);  // while nothing else wants the memory
  for (Entry& entry : entries) load(entry, request);
  for (const GridPoint& point : grid) measure_point(entries, point, request, report.results);
  for (const Entry& entry : entries) report.models.push_back(entry.facts);
  return report;
}

}  // namespace shorten::jobs
