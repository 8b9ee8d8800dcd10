// SPDX-License-Identifier: Apache-2.0
#include "jobs/self_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checkpoint/model_files.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "engine/open.h"
#include "jobs/self_text_cache.h"

namespace shorten::jobs {
namespace {

constexpr int kSamplingVersion = 1;  // of the way a text is sampled: another one gives other text
// Rows that are computed together: as many as make a step wait for arithmetic, not for weights.
constexpr int64_t kBatchCpu = 32, kBatchDevice = 256;
constexpr int64_t kStretch = 32;  // tokens of a row between two looks at what was written

// What the model decides: how a row begins and ends.
struct Rules {
  std::optional<text::TokenId> first;  // absent: drawn for each row
  bool from_bos = false;
  std::vector<int64_t> stops;
};

text::TokenId known(text::TokenId id, const text::Tokenizer& tokenizer, int64_t vocabulary) {
  if (id < vocabulary) return id;
  throw bad_input("the model does not have its tokenizer's BOS or EOS token")
      .file(tokenizer.file())
      .expected(fmt::format("an id below {}", vocabulary))
      .found(fmt::format("{}", id));
}

Rules rules_of(const SelfTextRequest& request) {
  const int64_t vocabulary = request.model->spec().vocabulary;
  Rules rules;
  rules.stops = request.model->stop_tokens();
  std::optional<text::TokenId> eos;
  if (!rules.stops.empty()) eos = static_cast<text::TokenId>(rules.stops.front());
  // A model of ready ids has no tokenizer; one that is there but damaged is an error.
  constexpr std::array kTokenizers = {"tokenizer.json", "tokenizer.model", "vocab.json"};
  if (std::any_of(kTokenizers.begin(), kTokenizers.end(),
                  [&](const char* name) { return checkpoint::has_file(request.model->dir(), name); })) {
    const auto tokenizer = open_tokenizer(*request.model, request.text);
    if (tokenizer->eos()) eos = known(*tokenizer->eos(), *tokenizer, vocabulary);
    if (tokenizer->bos()) rules.first = known(*tokenizer->bos(), *tokenizer, vocabulary);
    rules.from_bos = rules.first.has_value();
  }
  if (!rules.first) rules.first = eos;
  if (rules.stops.empty() && eos) rules.stops.push_back(*eos);
  if (request.whole_rows) rules.stops.clear();
  return rules;
}

// The first tokens of all rows; those that are drawn come from a stream beside that of the sampler's seeds.
TokenRows first_tokens(const SelfTextRequest& request, const Rules& rules, int64_t vocabulary) {
  Random random(~request.seed);
  TokenRows rows;
  for (int64_t r = 0; r < request.rows; ++r)
    rows.push_back(
        {rules.first ? *rules.first : static_cast<text::TokenId>(random.below(static_cast<uint64_t>(vocabulary)))});
  return rows;
}

auto find_stop(const std::vector<text::TokenId>& tokens, const Rules& rules) {
  return std::find_first_of(tokens.begin(), tokens.end(), rules.stops.begin(), rules.stops.end());
}

// Continues `rows`, which hold their first tokens and are the ones from row `at` on.
void write_batch(const engine::LanguageModel& model, const SelfTextRequest& request, const Rules& rules, int64_t at,
                 TokenRows& rows, Progress& progress) {
  const int64_t steps = request.length - 1;
  engine::SamplingSettings sampling;
  sampling.temperature = 1;
  sampling.seed = Random(request.seed).seed_after(static_cast<uint64_t>(at));  // a row's draws, whatever the batches
  const auto count = static_cast<int64_t>(rows.size());
  const auto continuation = model.continuation({count, 1, steps}, sampling);
  continuation->start(rows);
  TokenRows tokens;
  int64_t made = 1;
  progress.advance(count);
  while (true) {
    tokens = continuation->tokens();
    const bool all_ended =
        std::all_of(tokens.begin(), tokens.end(), [&](const auto& row) { return find_stop(row, rules) != row.end(); });
    if (made == steps || all_ended) break;
    const int64_t stretch = std::min(kStretch, steps - made);
    continuation->advance(stretch);
    made += stretch;
    progress.advance(count * stretch);
  }
  progress.advance(count * (steps - made));
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto stop = find_stop(tokens[r], rules);
    rows[r].insert(rows[r].end(), tokens[r].cbegin(), stop == tokens[r].cend() ? stop : stop + 1);
  }
}

TokenRows write_text(const SelfTextRequest& request, const Rules& rules, int64_t vocabulary) {
  engine::LoadRequest load;
  load.model = engine::source_of(request.model);
  load.compute = request.compute;
  const auto model = engine::open().load(load);
  int64_t batch = model->used().device == "cpu" ? kBatchCpu : kBatchDevice;
  TokenRows rows = first_tokens(request, rules, vocabulary);
  Progress progress("writing text", request.rows * (request.length - 1), "tokens");
  for (int64_t at = 0; at < request.rows;) {
    const int64_t count = std::min(batch, request.rows - at);
    TokenRows part(rows.begin() + at, rows.begin() + at + count);
    try {
      write_batch(*model, request, rules, at, part, progress);
    } catch (const Error& e) {
      if (e.code() != ExitCode::kNoSpace || count == 1) throw;
      batch = (count + 1) / 2;
      continue;
    }
    std::move(part.begin(), part.end(), rows.begin() + at);
    at += count;
  }
  return rows;
}

}  // namespace

SelfText self_text(const SelfTextRequest& request) {
  const family::ModelSpec& spec = request.model->spec();
  if (request.length > spec.max_positions) {
    throw usage_error("the rows are longer than the model's context")
        .field("length")
        .expected(fmt::format("at most {}", spec.max_positions))
        .found(fmt::format("{}", request.length));
  }
  const Rules rules = rules_of(request);
  const engine::ComputeUsed place = engine::open().place(spec, request.compute);
  const Json first = rules.first ? Json(*rules.first) : Json("drawn");
  const Json what = {{"version", kSamplingVersion},
                     {"fingerprint", request.model->fingerprint()},
                     {"seed", request.seed},
                     {"rows", request.rows},
                     {"length", request.length},
                     {"whole_rows", request.whole_rows},
                     {"first", first},
                     {"stops", rules.stops},
                     {"device", place.device.substr(0, place.device.find(':'))},
                     {"dtype", place.dtype}};
  const SelfTextCache cache(what, spec.vocabulary);
  SelfText out;
  if (auto rows = cache.read()) {
    out.rows = std::move(*rows);
    out.cached = true;
    log_info("the text that the model wrote before is used: " + cache.file().string());
  } else {
    out.rows = write_text(request, rules, spec.vocabulary);
    cache.write(out.rows);
  }
  out.tokens_sha256 = text::tokens_sha256(out.rows);
  out.from_bos = rules.from_bos;
  return out;
}

}  // namespace shorten::jobs
