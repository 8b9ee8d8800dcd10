// SPDX-License-Identifier: Apache-2.0
#include "jobs/score.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/system.h"
#include "core/units.h"
#include "core/version.h"
#include "engine/open.h"
#include "jobs/self_text.h"
#include "plan/criteria.h"
#include "text/windows.h"

namespace shorten::jobs {
namespace {

bool needs_text(const ScoreRequest& request) {
  bool needed = false;
  for (const std::string& name : request.criteria) needed |= plan::find_criterion(name).needs_text;
  return needed;
}

void check(const ScoreRequest& request) {
  for (const std::string& criterion : request.criteria) {
    if (std::count(request.criteria.begin(), request.criteria.end(), criterion) > 1)
      throw usage_error(fmt::format("criterion {} is given twice", criterion));
  }
  const bool any = request.self_text || !request.text.empty();
  if (needs_text(request) && !any) {
    throw usage_error("this criterion needs calibration text")
        .help("`text` FILE, for example a few pages of what the model will be used for");
  }
  if (!needs_text(request) && any) log_warning("no criterion here needs text: `text` is not used");
  if (request.self_text && request.tokens.bos) {
    throw usage_error("`bos` does not apply to text that the model generates")
        .help("each row begins with the BOS token, if there is one");
  }
}

// Rows of ready ids are used as they are: where the request does not say otherwise, a sample is a row and all rows are
// samples.
void fit_to_ready_rows(const ScoreRequest& request, const std::vector<text::Document>& documents,
                       text::SampleOptions& sample) {
  const auto ready = [](const text::Document& d) { return d.ready; };
  if (documents.empty() || !std::all_of(documents.begin(), documents.end(), ready)) return;
  if (!request.length) {
    sample.length = static_cast<int64_t>(documents.front().ids.size());
    for (const text::Document& d : documents) {
      if (static_cast<int64_t>(d.ids.size()) == sample.length && sample.length >= 2) continue;
      throw bad_input("rows of ready ids cannot be used as they are")
          .file(d.file)
          .where(d.where)
          .expected(sample.length >= 2 ? fmt::format("{} ids, as in the first row", sample.length) : "at least 2 ids")
          .found(fmt::format("{}", d.ids.size()))
          .help("make the rows equally long, or cut samples with `length` N");
    }
  }
  const auto whole = [&](const text::Document& d) { return static_cast<int64_t>(d.ids.size()) == sample.length; };
  if (!request.samples && std::all_of(documents.begin(), documents.end(), whole))
    sample.samples = static_cast<int64_t>(documents.size());
}

using Rows = std::vector<std::vector<text::TokenId>>;

text::SampleOptions sample_options(const ScoreRequest& request) {
  text::SampleOptions sample;
  sample.samples = request.samples.value_or(sample.samples);
  sample.length = request.length.value_or(sample.length);
  sample.seed = request.seed;
  return sample;
}

// Rows of what files say, by the rules of docs/protocols.md.
Rows calibration_rows(const ScoreRequest& request, plan::Calibration& calibration) {
  std::vector<text::Document> documents;
  for (const std::string& path : request.text) {
    text::Source source = text::read_source(path);
    calibration.sources.push_back({source.path, source.sha256});
    for (text::Document& document : source.documents) documents.push_back(std::move(document));
  }
  text::SampleOptions sample = sample_options(request);
  fit_to_ready_rows(request, documents, sample);
  const auto tokenizer = open_for(documents, *request.model, request.tokens);
  sample.bos = resolve_bos(request.tokens, tokenizer.get());
  calibration.samples = sample.samples;
  calibration.length = sample.length;
  calibration.bos = text::bos_name(sample.bos);
  return text::sample_windows(documents, tokenizer.get(), sample, request.model->spec().vocabulary);
}

// Rows of what the model writes itself.
Rows self_rows(const ScoreRequest& request, plan::Calibration& calibration) {
  const text::SampleOptions sample = sample_options(request);
  SelfTextRequest wanted{request.model, sample.samples, sample.length};
  wanted.whole_rows = true;
  wanted.seed = request.seed;
  wanted.compute = request.compute;
  wanted.text = request.tokens;
  SelfText text = self_text(wanted);
  calibration.sources.push_back({"self", text.tokens_sha256});
  calibration.samples = wanted.rows;
  calibration.length = wanted.length;
  calibration.bos = text::bos_name(text.from_bos ? text::Bos::kEvery : text::Bos::kNone);
  return std::move(text.rows);
}

}  // namespace

plan::Scores score_blocks(const ScoreRequest& request, const Hooks& hooks) {
  const HookScope scope(hooks);
  check(request);
  const family::Model& model = *request.model;
  plan::Scores scores;
  engine::ScoreRequest wanted;
  if (needs_text(request)) {
    plan::Calibration& calibration = scores.calibration.emplace();
    wanted.rows = request.self_text ? self_rows(request, calibration) : calibration_rows(request, calibration);
    calibration.seed = request.seed;
    calibration.tokens_sha256 = text::tokens_sha256(wanted.rows);
  }
  wanted.model = engine::source_of(request.model);
  wanted.criteria = request.criteria;
  wanted.seed = request.seed;
  wanted.compute = request.compute;
  engine::ScoreResponse response = engine::open().score(wanted);

  scores.model = {model.name(), model.spec().family, model.fingerprint(), model.blocks()};
  scores.compute = {response.used.device, response.used.dtype, kVersion};
  scores.baseline_perplexity = response.baseline_perplexity;
  scores.criteria = std::move(response.criteria);
  const uint64_t device = response.used.device_memory;
  log_info(fmt::format("peak memory {}{}", human_bytes(peak_memory()),
                       device ? ", on the device " + human_bytes(device) : ""));
  return scores;
}

}  // namespace shorten::jobs
