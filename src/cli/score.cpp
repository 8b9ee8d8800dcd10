// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/checkpoint.h"
#include "cli/common.h"
#include "cli/self_text.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/system.h"
#include "core/units.h"
#include "core/version.h"
#include "family/spec.h"
#include "plan/criteria.h"
#include "plan/scores.h"
#include "report/table.h"
#include "text/windows.h"

namespace shorten::cli {
namespace {

constexpr char kSelf[] = "self";  // as --text: what the model writes itself

struct ScoreOptions {
  std::string model;
  std::vector<std::string> criteria = {"ppl"};
  std::vector<std::string> text;
  TextOptions text_options;
  text::SampleOptions sample;
  CLI::Option *samples_given = nullptr, *length_given = nullptr;

  bool self() const { return text.size() == 1 && text[0] == kSelf; }
};

// One row a block; of each criterion the score and the rank.
std::string to_table(const plan::Scores& scores) {
  std::vector<report::Column> columns = {{"block"}};
  std::vector<std::vector<size_t>> rank;
  for (const auto& [name, criterion] : scores.criteria) {
    columns.push_back({name});
    columns.push_back({"rank"});
    const std::vector<int> order = criterion.order();
    rank.emplace_back(order.size());
    for (size_t place = 0; place < order.size(); ++place) rank.back()[static_cast<size_t>(order[place])] = place + 1;
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t b = 0; b < static_cast<size_t>(scores.model.blocks); ++b) {
    rows.push_back({std::to_string(b)});
    for (size_t c = 0; c < scores.criteria.size(); ++c) {
      const std::vector<double>& column = scores.criteria[c].second.scores;
      rows.back().push_back(fmt::format("{:.{}f}", column[b], report::table_decimals(column)));
      rows.back().push_back(std::to_string(rank[c][b]));
    }
  }
  std::string out = report::render_table(columns, rows);
  if (scores.baseline_perplexity)
    out += fmt::format("perplexity of the whole model on the calibration text: {:.4f}\n", *scores.baseline_perplexity);
  return out + "rank 1 is the least important block\n";
}

// Rows of ready ids are used as they are: where the user does not say otherwise, a sample is a row and
// all rows are samples.
void fit_to_ready_rows(const ScoreOptions& options, const std::vector<text::Document>& documents,
                       text::SampleOptions& sample) {
  const auto ready = [](const text::Document& d) { return d.ready; };
  if (documents.empty() || !std::all_of(documents.begin(), documents.end(), ready)) return;
  if (!*options.length_given) {
    sample.length = static_cast<int64_t>(documents.front().ids.size());
    for (const text::Document& d : documents) {
      if (static_cast<int64_t>(d.ids.size()) == sample.length && sample.length >= 2) continue;
      throw bad_input("rows of ready ids cannot be used as they are")
          .file(d.file)
          .where(d.where)
          .expected(sample.length >= 2 ? fmt::format("{} ids, as in the first row", sample.length) : "at least 2 ids")
          .found(fmt::format("{}", d.ids.size()))
          .help("make the rows equally long, or cut samples with --length N");
    }
  }
  const auto whole = [&](const text::Document& d) { return static_cast<int64_t>(d.ids.size()) == sample.length; };
  if (!*options.samples_given && std::all_of(documents.begin(), documents.end(), whole))
    sample.samples = static_cast<int64_t>(documents.size());
}

void check_usage(const ScoreOptions& options, bool needs_text) {
  for (const std::string& criterion : options.criteria) {
    if (std::count(options.criteria.begin(), options.criteria.end(), criterion) > 1)
      throw usage_error(fmt::format("criterion {} is given twice", criterion));
  }
  if (needs_text && options.text.empty()) {
    throw usage_error("this criterion needs calibration text")
        .help("--text FILE, for example a few pages of what the model will be used for");
  }
  if (!options.self() && std::count(options.text.begin(), options.text.end(), kSelf) > 0) {
    throw usage_error("the text that the model writes itself is the only one, or none")
        .where("--text self")
        .help("a file of that name is ./self");
  }
  if (options.self() && *options.text_options.bos_given) {
    throw usage_error("--bos says nothing about text that the model writes itself")
        .help("each row begins with the BOS token, if there is one");
  }
}

// Rows of what files say, by the rules of docs/protocols.md.
std::vector<std::vector<text::TokenId>> calibration_rows(const ScoreOptions& options, const fs::path& model,
                                                         int64_t vocabulary, uint64_t seed,
                                                         plan::Calibration& calibration) {
  std::vector<text::Document> documents;
  for (const std::string& path : options.text) {
    text::Source source = text::read_source(path);
    calibration.sources.push_back({source.path, source.sha256});
    for (text::Document& document : source.documents) documents.push_back(std::move(document));
  }
  text::SampleOptions sample = options.sample;
  sample.seed = seed;
  fit_to_ready_rows(options, documents, sample);
  const auto tokenizer = open_for(documents, model, options.text_options);
  sample.bos = resolve_bos(options.text_options, tokenizer.get());
  calibration.samples = sample.samples;
  calibration.length = sample.length;
  calibration.bos = text::bos_name(sample.bos);
  return text::sample_windows(documents, tokenizer.get(), sample, vocabulary);
}

// Rows of what the model writes itself.
std::vector<std::vector<text::TokenId>> self_rows(const ScoreOptions& options, const fs::path& model,
                                                  const std::string& fingerprint, const CommonOptions& common,
                                                  plan::Calibration& calibration) {
  SelfTextRequest request{model, fingerprint, options.sample.samples, options.sample.length};
  request.whole_rows = true;
  request.seed = common.seed;
  request.compute = common.compute;
  request.text_options = options.text_options;
  SelfText text = self_text(request);
  calibration.sources.push_back({kSelf, text.tokens_sha256});
  calibration.samples = request.rows;
  calibration.length = request.length;
  calibration.bos = text::bos_name(text.from_bos ? text::Bos::kEvery : text::Bos::kNone);
  return std::move(text.rows);
}

void run_score(const ScoreOptions& options, const CommonOptions& common) {
  bool needs_text = false;
  for (const std::string& name : options.criteria) needs_text |= plan::find_criterion(name).needs_text;
  check_usage(options, needs_text);
  if (!needs_text && !options.text.empty()) log_warning("no criterion here needs text: --text is not used");
  const fs::path dir = checkpoint::resolve_model(options.model);
  std::vector<fs::path> inputs = {dir};
  if (!options.self()) inputs.insert(inputs.end(), options.text.begin(), options.text.end());
  check_output(common.output, common.force, inputs);
  const checkpoint::Checkpoint checkpoint(dir);
  const family::ModelSpec spec = family::read_spec(checkpoint);

  plan::Scores scores;
  std::string fingerprint;  // reads every byte: where nothing before the scoring asks for it, after it
  ScoreRequest request;
  if (needs_text) {
    plan::Calibration calibration;
    if (options.self()) {
      fingerprint = checkpoint.fingerprint();
      request.rows = self_rows(options, dir, fingerprint, common, calibration);
    } else {
      request.rows = calibration_rows(options, dir, spec.vocabulary, common.seed, calibration);
    }
    calibration.seed = common.seed;
    calibration.tokens_sha256 = text::tokens_sha256(request.rows);
    scores.calibration = std::move(calibration);
  }
  request.model = dir;
  request.criteria = options.criteria;
  request.seed = common.seed;
  request.compute = common.compute;
  ScoreResponse response = engine().score(request);

  if (fingerprint.empty()) fingerprint = checkpoint.fingerprint();
  scores.model = {options.model, spec.family, fingerprint, static_cast<int64_t>(spec.blocks.size())};
  scores.compute = {response.used.device, response.used.dtype, kVersion};
  scores.baseline_perplexity = response.baseline_perplexity;
  scores.criteria = std::move(response.criteria);
  log_info(
      fmt::format("peak memory {}{}", human_bytes(peak_memory()),
                  response.used.device_memory ? ", on the device " + human_bytes(response.used.device_memory) : ""));
  deliver(common, plan::to_json(scores), to_table(scores));
}

std::string criteria_help() {
  std::string out = "\nCriteria (low = least important):\n";
  for (const plan::CriterionInfo& c : plan::criteria()) {
    out += fmt::format("  {:<10} {}\n", c.name, c.summary);
    if (!c.source.empty()) out += fmt::format("  {:<10} {}\n", "", c.source);
  }
  return out;
}

}  // namespace

std::function<void()> setup_score(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<ScoreOptions>();
  app.add_option("MODEL", o->model, "a Hugging Face directory, or org/name in the Hub cache")->required();
  app.add_option("--criterion", o->criteria, "one or more, separated by commas [ppl]")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--text", o->text, "calibration text: .txt, .jsonl, .json or a folder; or self: the model writes it")
      ->type_name("SOURCE");
  o->samples_given = app.add_option("--samples", o->sample.samples, "calibration windows [10]")
                         ->type_name("N")
                         ->check(CLI::Range(1, 1 << 24));
  o->length_given = app.add_option("--length", o->sample.length, "tokens of a window [128]")
                        ->type_name("N")
                        ->check(CLI::Range(2, 1 << 24));
  add_text_options(app, o->text_options);
  app.footer(criteria_help());
  return [o, &common] { run_score(*o, common); };
}

}  // namespace shorten::cli
