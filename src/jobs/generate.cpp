// SPDX-License-Identifier: Apache-2.0
#include "jobs/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "engine/open.h"
#include "jobs/sampling.h"
#include "text/stream.h"

namespace shorten::jobs {
namespace {

constexpr int64_t kNewTokens = 128;

// A model and what it is to continue.
struct Prepared {
  const family::Model* model = nullptr;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::vector<int64_t> eos;
  engine::GenerationShape shape;
  Generation out;
};

// Tokens of one sequence until it ends.
class Writer {
 public:
  using Say = std::function<void(std::string_view)>;

  Writer(const text::Tokenizer& tokenizer, const std::vector<std::string>& stops, const std::vector<int64_t>& eos,
         Sample& sample, Say say)
      : tokenizer_(tokenizer), stream_(tokenizer, stops), eos_(eos), sample_(sample), say_(std::move(say)) {}

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
  void say(const std::string& text) const {
    if (!text.empty()) say_(text);
  }

  const text::Tokenizer& tokenizer_;
  text::TextStream stream_;
  const std::vector<int64_t>& eos_;
  Sample& sample_;
  Say say_;
  bool done_ = false;
};

// New tokens that fit behind the longest prompt. A number that was asked for is never reduced.
int64_t room(const GenerateRequest& request, int64_t prompt, const family::Model& model) {
  const int64_t left = model.spec().max_positions - prompt, wanted = request.max_new_tokens.value_or(kNewTokens);
  if (wanted <= left) return wanted;
  if (!request.max_new_tokens) {
    if (request.prompts.size() > 1)
      log_warning(fmt::format("{}: the longest prompt, {} tokens, leaves each at most {} new ones",
                              printable(model.name(), 60), prompt, left));
    return left;
  }
  throw usage_error("prompt and new tokens are longer than the model's context")
      .field("max_new_tokens")
      .expected(fmt::format("at most {} after a prompt of {} tokens", left, prompt))
      .found(fmt::format("{}", wanted));
}

Prepared prepare(const GenerateRequest& request, const family::Model& model) {
  Prepared out;
  out.model = &model;
  out.tokenizer = open_tokenizer(model, request.tokens);
  out.eos = model.stop_tokens();
  if (out.eos.empty() && out.tokenizer->eos()) out.eos.push_back(*out.tokenizer->eos());
  if (request.ignore_eos) out.eos.clear();
  for (const std::string& prompt : request.prompts) {
    Sample& sample = out.out.samples.emplace_back();
    sample.prompt_ids = encode_prompt(prompt, *out.tokenizer, model.spec());
    out.shape.prompt = std::max(out.shape.prompt, static_cast<int64_t>(sample.prompt_ids.size()));
  }
  out.shape.rows = static_cast<int64_t>(out.out.samples.size());
  out.shape.new_tokens = room(request, out.shape.prompt, model);
  out.shape.draws = request.sampling.temperature > 0;
  return out;
}

// Advances until every sequence has ended.
void continue_all(const engine::LanguageModel& model, engine::Continuation& continuation, const Prepared& p,
                  std::vector<Sample>& samples, std::vector<Writer>& writers) {
  std::vector<std::vector<text::TokenId>> prompts;
  for (const Sample& sample : samples) prompts.push_back(sample.prompt_ids);
  // On a device tokens are fetched some at a time, so that it does not wait for us between two of them.
  const int64_t at_a_time = model.used().device == "cpu" ? 1 : 8, all = p.shape.new_tokens;
  continuation.start(prompts);
  for (int64_t made = 1;; made = std::min(made + at_a_time, all)) {
    const auto tokens = continuation.tokens();
    bool all_done = true;
    for (size_t r = 0; r < writers.size(); ++r) {
      for (size_t i = samples[r].ids.size(); i < tokens[r].size() && !writers[r].done(); ++i)
        writers[r].push(tokens[r][i]);
      all_done = all_done && writers[r].done();
    }
    if (all_done || made == all) break;
    if (stop_requested()) throw interrupted("stopped, as was asked");
    continuation.advance(std::min(at_a_time, all - made));
  }
  for (Writer& writer : writers) writer.finish();
}

void generate(const GenerateRequest& request, const family::ModelPtr& model, Prepared& p) {
  engine::LoadRequest load;
  load.model = engine::source_of(model);
  load.compute = request.compute;
  load.generation = p.shape;
  const auto loaded = engine::open().load(load);
  const auto start = std::chrono::steady_clock::now();
  const auto continuation = loaded->continuation(p.shape, request.sampling);
  std::vector<Writer> writers;
  for (size_t i = 0; i < p.out.samples.size(); ++i) {
    writers.emplace_back(*p.tokenizer, request.stop, p.eos, p.out.samples[i],
                         [&request, i](std::string_view text) { request.on_text(i, text); });
  }
  continue_all(*loaded, *continuation, p, p.out.samples, writers);
  p.out.used = loaded->used();
  p.out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(const GenerateRequest& request) {
  check_sampling(request.sampling);
  for (const std::string& prompt : request.prompts) {
    if (prompt.empty()) throw usage_error("an empty prompt").field("prompt").expected("text to continue");
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty()) throw usage_error("an empty stop string").field("stop");
  }
}

}  // namespace

int64_t Generation::new_tokens() const {
  int64_t count = 0;
  for (const Sample& sample : samples) count += static_cast<int64_t>(sample.ids.size());
  return count;
}

std::vector<Generation> generate_text(const GenerateRequest& request, const Hooks& hooks) {
  const HookScope scope(hooks);
  check(request);
  std::vector<Prepared> prepared;
  for (const family::ModelPtr& model : request.models) prepared.push_back(prepare(request, *model));
  std::vector<Generation> out;
  for (size_t m = 0; m < prepared.size(); ++m) {
    request.on_model(m);
    generate(request, request.models[m], prepared[m]);
    out.push_back(std::move(prepared[m].out));
  }
  return out;
}

}  // namespace shorten::jobs
