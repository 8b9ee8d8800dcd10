// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "core/version.h"
#include "family/spec.h"
#include "text/windows.h"

namespace shorten::cli {
namespace {

struct EvalOptions {
  std::vector<std::string> models, text;
  std::string per_token;
  TextOptions text_options;
  int64_t window = 128, stride = 0;
};

struct NamedText {
  std::string name;
  text::Source source;
};

struct Perplexity {
  std::string text, bos;
  int64_t tokens = 0, predicted = 0;
  double nll = 0;
};

struct ModelResult {
  std::string path, fingerprint;
  uint64_t parameters = 0;
  ComputeUsed used;
  std::vector<Perplexity> perplexity;
};

// NAME=SOURCE, or SOURCE alone, which is named after its file.
NamedText read_text(const std::string& argument) {
  // A file whose own name has a '=' is meant as it is.
  const size_t equals = fs::exists(argument) ? std::string::npos : argument.find('=');
  const std::string path = equals == std::string::npos ? argument : argument.substr(equals + 1);
  const std::string name = equals == std::string::npos ? fs::path(path).stem().string() : argument.substr(0, equals);
  if (name.empty() || path.empty())
    throw usage_error(fmt::format("not a text: \"{}\"", printable(argument, 60))).expected("NAME=SOURCE");
  return {name, text::read_source(path)};
}

ModelResult evaluate(const std::string& model, const std::vector<NamedText>& texts, const EvalOptions& o,
                     const CommonOptions& common, std::string& per_token) {
  const fs::path dir = checkpoint::resolve_model(model);
  const checkpoint::Checkpoint checkpoint(dir);
  const family::ModelSpec spec = family::read_spec(checkpoint);
  if (o.window > spec.max_positions) {
    log_warning(fmt::format("{}: windows of {} tokens are longer than the {} the model was made for",
                            printable(model, 200), o.window, spec.max_positions));
  }
  ModelResult result{model, checkpoint.fingerprint(), family::count_parameters(spec).parameters, {}, {}};

  std::unique_ptr<text::Tokenizer> tokenizer;
  LogprobRequest request{dir, {}, common.compute};
  for (const NamedText& text : texts) {
    if (!tokenizer) tokenizer = open_for(text.source.documents, dir, o.text_options);
    const text::Bos bos = resolve_bos(o.text_options, tokenizer.get());
    Perplexity p{text.name, std::string(text::bos_name(bos)), 0, 0, 0};
    request.texts.push_back(text::perplexity_windows(text.source.documents, tokenizer.get(), o.window, o.stride, bos,
                                                     spec.vocabulary, p.tokens));
    result.perplexity.push_back(std::move(p));
  }
  const LogprobResponse response = engine().logprobs(request);
  result.used = response.used;
  for (size_t t = 0; t < texts.size(); ++t) {
    Perplexity& p = result.perplexity[t];
    double sum = 0;
    for (size_t w = 0; w < request.texts[t].size(); ++w) {
      const text::Window& window = request.texts[t][w];
      const std::vector<float>& logprobs = response.texts[t][w];
      Json values = Json::array({nullptr});
      for (size_t k = 0; k < logprobs.size(); ++k) {
        if (static_cast<int64_t>(k) + 1 >= window.first_target) {
          sum -= static_cast<double>(logprobs[k]);
          ++p.predicted;
        }
        if (!o.per_token.empty()) values.push_back(logprobs[k]);
      }
      if (o.per_token.empty()) continue;
      Json line = {{"text", texts[t].name},
                   {"first_target", window.first_target},
                   {"ids", window.ids},
                   {"logprob", std::move(values)}};
      if (o.models.size() > 1) line["model"] = model;
      per_token += line.dump() + "\n";
    }
    p.nll = sum / static_cast<double>(p.predicted);
    if (!std::isfinite(p.nll)) {
      throw diverged("the perplexity is not a number")
          .where(fmt::format("text {}", p.text))
          .file(dir)
          .help("use --dtype fp32: half precision overflows in some models");
    }
  }
  return result;
}

Json to_json(const std::vector<ModelResult>& results, const std::vector<NamedText>& texts, const EvalOptions& o) {
  Json models = Json::array();
  for (const ModelResult& r : results) {
    Json perplexity = Json::array();
    for (size_t t = 0; t < texts.size(); ++t) {
      const Perplexity& p = r.perplexity[t];
      perplexity.push_back({{"text", p.text},
                            {"source", {{"path", texts[t].source.path}, {"sha256", texts[t].source.sha256}}},
                            {"window", o.window},
                            {"stride", o.stride},
                            {"bos", p.bos},
                            {"tokens", p.tokens},
                            {"predicted", p.predicted},
                            {"nll", p.nll},
                            {"value", std::exp(p.nll)}});
    }
    models.push_back({{"path", r.path},
                      {"fingerprint", r.fingerprint},
                      {"parameters", r.parameters},
                      {"compute", {{"device", r.used.device}, {"dtype", r.used.dtype}}},
                      {"perplexity", perplexity}});
  }
  return {{"format", "shorten.eval"}, {"version", 1}, {"shorten_version", kVersion}, {"models", models}};
}

// One row a model, one column a text; with several models the factor on the first one's perplexity.
std::string to_table(const std::vector<ModelResult>& results, const EvalOptions& o) {
  std::vector<Column> columns = {{"model", false}, {"parameters"}};
  for (const Perplexity& p : results[0].perplexity) {
    columns.push_back({p.text});
    if (results.size() > 1) columns.push_back({"ratio"});
  }
  std::vector<std::vector<std::string>> rows;
  for (const ModelResult& r : results) {
    rows.push_back({printable(r.path, 200), with_separators(static_cast<int64_t>(r.parameters))});
    for (size_t t = 0; t < r.perplexity.size(); ++t) {
      rows.back().push_back(fmt::format("{:.4f}", std::exp(r.perplexity[t].nll)));
      if (results.size() > 1)
        rows.back().push_back(fmt::format("{:.3f}", std::exp(r.perplexity[t].nll - results[0].perplexity[t].nll)));
    }
  }
  std::string out = render_table(columns, rows);
  out += fmt::format("perplexity; windows of {} tokens, stride {}, BOS {}, {} on {}\n", o.window, o.stride,
                     results[0].perplexity[0].bos, results[0].used.dtype, results[0].used.device);
  return out;
}

void run_eval(EvalOptions o, const CommonOptions& common) {
  if (o.stride == 0) o.stride = o.window;
  if (o.stride > o.window)
    throw usage_error("--stride is longer than --window: tokens between windows would be left out")
        .expected(fmt::format("1 to {}", o.window));
  std::vector<NamedText> texts;
  for (const std::string& argument : o.text) {
    texts.push_back(read_text(argument));
    const auto same = [&](const NamedText& t) { return t.name == texts.back().name; };
    if (std::count_if(texts.begin(), texts.end(), same) > 1)
      throw usage_error(fmt::format("two texts are called {}", printable(texts.back().name, 40)))
          .help("name them: --text NAME=SOURCE");
  }
  std::vector<fs::path> inputs;
  for (const NamedText& text : texts) inputs.emplace_back(text.source.path);
  for (const std::string& model : o.models) inputs.push_back(checkpoint::resolve_model(model));
  check_output(common.output, common.force, inputs);
  if (!common.output.empty()) inputs.emplace_back(common.output);  // the two outputs are two files
  check_output(o.per_token, common.force, inputs);

  std::vector<ModelResult> results;
  std::string per_token;
  for (const std::string& model : o.models) results.push_back(evaluate(model, texts, o, common, per_token));
  std::optional<StagedFile> tokens;
  if (!o.per_token.empty()) tokens.emplace(o.per_token, per_token, common.force);
  deliver(common, to_json(results, texts, o), to_table(results, o));
  if (tokens) tokens->commit();
}

}  // namespace

std::function<void()> setup_eval(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<EvalOptions>();
  app.add_option("MODEL", o->models, "one model, or several for a table side by side")->required();
  app.add_option("--text", o->text, "measure perplexity on this text; may be repeated")
      ->type_name("NAME=SOURCE")
      ->required();
  app.add_option("--window", o->window, "tokens of a window [128]")->type_name("N")->check(CLI::Range(2, 1 << 24));
  app.add_option("--stride", o->stride,
                 "tokens between windows [the window]; less than the window: only new tokens count")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  add_text_options(app, o->text_options);
  app.add_option("--per-token", o->per_token, "write every token's log-probability, a JSON line a window")
      ->type_name("FILE");
  return [o, &common] { run_eval(std::move(*o), common); };
}

}  // namespace shorten::cli
