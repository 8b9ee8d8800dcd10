// SPDX-License-Identifier: Apache-2.0
// Rows to train on, rows held out, and texts beside.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "data/batches.h"
#include "data/read.h"
#include "jobs/eval.h"
#include "jobs/heal_parts.h"
#include "jobs/self_text.h"
#include "text/windows.h"

namespace shorten::jobs {
namespace {

constexpr int64_t kSelfRows = 4096;
constexpr size_t kHeldOutMost = 256, kHeldOutShare = 20;  // one row in so many
constexpr int64_t kTextWindow = 128;                      // as eval's default

bool all_ready(const std::vector<std::string>& paths) {
  return std::all_of(paths.begin(), paths.end(), data::is_ready);
}

// Appends the rows of some files, and what is to be said of them.
void read_files(const std::vector<std::string>& paths, const text::Tokenizer* tokenizer,
                const data::ReadOptions& options, std::vector<data::Example>& rows, Json& sources) {
  for (const std::string& path : paths) {
    data::Dataset set = data::read_dataset(path, tokenizer, options);
    sources.push_back({{"path", set.path},
                       {"sha256", set.sha256},
                       {"kind", data::kind_name(set.kind)},
                       {"rows", set.examples.size()},
                       {"truncated", set.truncated},
                       {"dropped", set.dropped}});
    std::string notes;
    if (set.truncated > 0) notes += fmt::format(", {} cut to {} tokens", set.truncated, options.length);
    if (set.dropped > 0) notes += fmt::format(", {} dropped: nothing in them counts", set.dropped);
    log_info(fmt::format("{}: {} rows of kind {}{}", printable(path, 200),
                         with_separators(static_cast<int64_t>(set.examples.size())), data::kind_name(set.kind), notes));
    std::move(set.examples.begin(), set.examples.end(), std::back_inserter(rows));
  }
}

// What the parent writes: all of it counts.
void write_self(const HealRequest& request, const HealModels& models, const recipe::Settings& settings,
                std::vector<data::Example>& rows, Json& sources) {
  const int64_t count = request.samples.value_or(request.settings.steps ? settings.steps * settings.batch : kSelfRows);
  const SelfText text =
      self_text({models.parent, count, settings.length, false, settings.seed, request.place.options(), request.tokens});
  for (const auto& ids : text.rows) rows.push_back({ids, ids});
  sources.push_back({{"path", "self"}, {"sha256", text.tokens_sha256}, {"kind", "self"}, {"rows", text.rows.size()}});
}

// The windows of a text as rows: what is scored counts.
recipe::HeldOut as_rows(const NamedText& text, const HealRequest& request, const HealModels& models) {
  const auto tokenizer = open_for(text.source.documents, *models.model, request.tokens);
  const int64_t window = std::min(kTextWindow, models.context);
  int64_t tokens = 0;
  recipe::HeldOut out{text.name, {}};
  for (const text::Window& w : text::perplexity_windows(text.source.documents, tokenizer.get(), window, window,
                                                        resolve_bos(request.tokens, tokenizer.get()),
                                                        models.model->spec().vocabulary, tokens)) {
    data::Example row{w.ids, w.ids};
    std::fill(row.labels.begin(), row.labels.begin() + w.first_target, data::kIgnored);
    out.rows.push_back(std::move(row));
  }
  return out;
}

void split(const HealRequest& request, bool ready, const recipe::Settings& settings, HealData& data) {
  size_t count = ready ? 0 : std::min(kHeldOutMost, data.rows.size() / kHeldOutShare);
  if (request.validation_rows) count = static_cast<size_t>(*request.validation_rows);
  if (count >= data.rows.size()) {
    throw usage_error("no rows left to train on")
        .field("validation")
        .expected(fmt::format("fewer than {} rows", data.rows.size()))
        .found(fmt::format("{}", count));
  }
  std::vector<data::Example> train;
  const std::vector<size_t> held = data::held_out(data.rows.size(), count, settings.seed, settings.shuffle);
  for (size_t i = 0; i < data.rows.size(); ++i) {
    auto& to = std::binary_search(held.begin(), held.end(), i) ? data.validation : train;
    to.push_back(std::move(data.rows[i]));
  }
  data.rows = std::move(train);
}

// What was asked for makes sense with these rows.
void check_use(const HealRequest& request, const recipe::Settings& settings, const HealData& data) {
  const auto has_prompt = [](const Json& source) { return source["kind"] != "text" && source["kind"] != "ready"; };
  if (request.train_on_prompt && std::none_of(data.sources.begin(), data.sources.end(), has_prompt)) {
    throw usage_error("an option that has no effect here")
        .field("train_on_prompt")
        .expected("only with rows that have a prompt");
  }
  if (request.settings.eval_every && data.validation.empty() && request.texts.empty())
    throw usage_error("there is nothing to measure").field("eval_every").expected("`validation` or `texts` as well");
  if (data.validation.empty() && (request.settings.patience || settings.keep_best)) {
    throw usage_error("no rows are held out to decide which weights are better")
        .field(request.settings.patience ? "patience" : "keep_best")
        .expected("`validation` with a number of rows, or a file of them");
  }
}

// What the number of rows decides.
void fit_steps(const HealRequest& request, size_t rows, recipe::Settings& settings) {
  if (!request.settings.steps) settings.steps = data::steps_of(rows, settings.batch, request.epochs.value_or(kEpochs));
  // The paper's 100 steps are a fifteenth of its recipe; of the fewer rows that the parent writes they would be most.
  if (request.self_text() && !request.settings.warmup) settings.warmup = std::min(settings.warmup, settings.steps / 10);
  if (2 * settings.warmup <= settings.steps) return;
  log_warning(fmt::format("{} steps of warm-up, but only {} in all: {} (`warmup`)", settings.warmup, settings.steps,
                          settings.warmup >= settings.steps ? "the full learning rate is never reached"
                                                            : "most of the training is at a lower learning rate"));
}

}  // namespace

HealData read_heal_data(const HealRequest& request, const HealModels& models, recipe::Settings& settings) {
  const int64_t context = models.context;
  const bool ready = !request.self_text() && all_ready(request.data);
  if (request.settings.length && settings.length > context) {
    throw usage_error("rows longer than the context")
        .field("length")
        .expected(fmt::format("at most {}", context))
        .found(fmt::format("{}", settings.length));
  }
  // Ready rows are used as they are: the longest says how long rows are.
  const bool fit = ready && !request.settings.length;
  settings.length = fit ? context : std::min(settings.length, context);
  data::ReadOptions options{settings.length, request.train_on_prompt, models.model->spec().vocabulary,
                            models.model->dir()};

  HealData out;
  std::unique_ptr<text::Tokenizer> tokenizer;
  const auto tokenizer_for = [&](const std::vector<std::string>& paths) {
    if (!tokenizer && !all_ready(paths)) tokenizer = open_tokenizer(*models.model, request.tokens);
    return tokenizer.get();
  };
  if (request.self_text()) {
    write_self(request, models, settings, out.rows, out.sources);
  } else {
    read_files(request.data, tokenizer_for(request.data), options, out.rows, out.sources);
  }
  if (fit) options.length = data::longest(out.rows);
  if (!request.validation_file.empty()) {
    if (data::is_ready(request.validation_file)) options.length = context;  // used as they are, too
    read_files({request.validation_file}, tokenizer_for({request.validation_file}), options, out.validation,
               out.sources);
    out.sources.back()["validation"] = true;
  } else {
    split(request, ready, settings, out);
  }
  check_use(request, settings, out);
  if (fit) settings.length = std::max(data::longest(out.rows), data::longest(out.validation));
  for (const NamedText& text : read_texts(request.texts)) out.texts.push_back(as_rows(text, request, models));
  fit_steps(request, out.rows.size(), settings);
  return out;
}

}  // namespace shorten::jobs
