// SPDX-License-Identifier: Apache-2.0
// Rows to train on, rows held out, and texts beside.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "checkpoint/checkpoint.h"
#include "cli/eval_text.h"
#include "cli/heal.h"
#include "cli/self_text.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "data/batches.h"
#include "data/read.h"
#include "text/windows.h"

namespace shorten::cli {
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
void write_self(const HealOptions& o, const fs::path& parent, const std::string& fingerprint,
                const recipe::Settings& settings, const CommonOptions& common, std::vector<data::Example>& rows,
                Json& sources) {
  const int64_t asked = o.samples.value_or(o.settings.steps ? settings.steps * settings.batch : kSelfRows);
  const SelfText text =
      self_text({parent, fingerprint, asked, settings.length, false, common.seed, common.compute, o.text_options});
  for (const auto& ids : text.rows) rows.push_back({ids, ids});
  sources.push_back({{"path", "self"}, {"sha256", text.tokens_sha256}, {"kind", "self"}, {"rows", text.rows.size()}});
}

// The windows of a text as rows: what is scored counts.
recipe::HeldOut as_rows(const NamedText& text, const HealOptions& o, const HealModels& models) {
  const auto tokenizer = open_for(text.source.documents, models.model, o.text_options);
  const int64_t window = std::min(kTextWindow, models.context);
  int64_t tokens = 0;
  recipe::HeldOut out{text.name, {}};
  for (const text::Window& w :
       text::perplexity_windows(text.source.documents, tokenizer.get(), window, window,
                                resolve_bos(o.text_options, tokenizer.get()), models.spec.vocabulary, tokens)) {
    data::Example row{w.ids, w.ids};
    std::fill(row.labels.begin(), row.labels.begin() + w.first_target, data::kIgnored);
    out.rows.push_back(std::move(row));
  }
  return out;
}

size_t validation_rows(const std::string& number) {
  size_t count = 0;
  const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (status == std::errc() && end == number.data() + number.size()) return count;
  throw usage_error("not a number of rows").where("--validation").found(number);
}

void split(const HealOptions& o, bool ready, const recipe::Settings& settings, HealData& data) {
  size_t count = ready ? 0 : std::min(kHeldOutMost, data.rows.size() / kHeldOutShare);
  if (!o.validation.empty()) count = validation_rows(o.validation);
  if (count >= data.rows.size()) {
    throw usage_error("no row is left to train on")
        .where("--validation")
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

}  // namespace

HealData read_heal_data(const HealOptions& o, const HealModels& models, const fs::path& parent,
                        const std::string& fingerprint, recipe::Settings& settings, const CommonOptions& common) {
  const int64_t context = models.context;
  const bool self = o.self(), ready = !self && all_ready(o.data);
  if (o.settings.length && settings.length > context) {
    throw usage_error("rows longer than the context")
        .field("length")
        .expected(fmt::format("at most {}", context))
        .found(fmt::format("{}", settings.length));
  }
  // Ready rows are used as they are: the longest says how long rows are.
  const bool fit = ready && !o.settings.length;
  settings.length = fit ? context : std::min(settings.length, context);
  data::ReadOptions options{settings.length, o.train_on_prompt, models.spec.vocabulary, models.model};
  const bool validation_file =
      !o.validation.empty() && o.validation.find_first_not_of("0123456789") != std::string::npos;

  HealData out;
  std::unique_ptr<text::Tokenizer> tokenizer;
  const auto tokenizer_for = [&](const std::vector<std::string>& paths) {
    if (!tokenizer && !all_ready(paths)) tokenizer = open_tokenizer_of(models.model, o.text_options);
    return tokenizer.get();
  };
  if (self) {
    write_self(o, parent, fingerprint, settings, common, out.rows, out.sources);
  } else {
    read_files(o.data, tokenizer_for(o.data), options, out.rows, out.sources);
  }
  if (fit) options.length = data::longest(out.rows);
  if (validation_file) {
    if (data::is_ready(o.validation)) options.length = context;  // used as they are, too
    read_files({o.validation}, tokenizer_for({o.validation}), options, out.validation, out.sources);
    out.sources.back()["validation"] = true;
  } else {
    split(o, ready, settings, out);
  }
  const auto has_prompt = [](const Json& source) { return source["kind"] != "text" && source["kind"] != "ready"; };
  if (o.train_on_prompt && std::none_of(out.sources.begin(), out.sources.end(), has_prompt)) {
    throw usage_error("an option that has no use here")
        .where("--train-on-prompt")
        .expected("only with rows that have a prompt");
  }
  if (o.settings.eval_every && out.validation.empty() && o.text.empty()) {
    throw usage_error("there is nothing to measure").field("eval_every").expected("`validation` or `texts` beside it");
  }
  if (out.validation.empty() && (o.settings.patience || settings.keep_best)) {
    throw usage_error("no rows are held out to tell which weights are better")
        .field(o.settings.patience ? "patience" : "keep_best")
        .expected("`validation` with a number of rows, or a file of them");
  }
  if (fit) settings.length = std::max(data::longest(out.rows), data::longest(out.validation));
  for (const NamedText& text : read_texts(o.text)) out.texts.push_back(as_rows(text, o, models));
  if (!o.settings.steps) settings.steps = data::steps_of(out.rows.size(), settings.batch, o.epochs.value_or(kEpochs));
  // The paper's 100 steps are a fifteenth of its recipe; of the fewer rows that the parent writes they would be most.
  if (self && !o.settings.warmup) settings.warmup = std::min(settings.warmup, settings.steps / 10);
  if (2 * settings.warmup > settings.steps) {
    log_warning(fmt::format("{} steps of warm-up, but only {} in all: {} (--warmup)", settings.warmup, settings.steps,
                            settings.warmup >= settings.steps ? "the full learning rate is never reached"
                                                              : "most of the training is at a lower learning rate"));
  }
  return out;
}

}  // namespace shorten::cli
