// SPDX-License-Identifier: Apache-2.0
#include "jobs/eval_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/progress.h"

namespace shorten::jobs {
namespace {

NamedText read_text(const std::string& argument) {
  // A file whose own name has a '=' is meant as it is.
  const size_t equals = fs::exists(argument) ? std::string::npos : argument.find('=');
  const std::string path = equals == std::string::npos ? argument : argument.substr(equals + 1);
  const std::string name = equals == std::string::npos ? fs::path(path).stem().string() : argument.substr(0, equals);
  if (name.empty() || path.empty())
    throw usage_error(fmt::format("not a text: \"{}\"", printable(argument, 60))).expected("NAME=SOURCE");
  return {name, text::read_source(path)};
}

std::string token_line(const std::string& model, const EvalRequest& request, const PreparedText& text, size_t window,
                       const std::vector<float>& logprobs) {
  const text::Window& w = text.windows[window][0];
  Json values = Json::array({nullptr});
  for (const float logprob : logprobs) values.push_back(logprob);
  Json line = {{"text", text.result.text}, {"first_target", w.first_target}, {"ids", w.ids}, {"logprob", values}};
  if (request.models.size() > 1) line["model"] = model;
  return line.dump() + "\n";
}

}  // namespace

std::vector<NamedText> read_texts(const std::vector<std::string>& arguments) {
  std::vector<NamedText> texts;
  for (const std::string& argument : arguments) {
    texts.push_back(read_text(argument));
    const auto same = [&](const NamedText& t) { return t.name == texts.back().name; };
    if (std::count_if(texts.begin(), texts.end(), same) > 1)
      throw usage_error(fmt::format("two texts are called {}", printable(texts.back().name, 40)))
          .help("name them: `text` NAME=SOURCE");
  }
  return texts;
}

std::vector<PreparedText> prepare_texts(const EvalRequest& request, const family::Model& model) {
  const family::ModelSpec& spec = model.spec();
  if (!request.texts.empty() && request.window > spec.max_positions) {
    log_warning(fmt::format("{}: windows of {} tokens are longer than the {} the model was made for",
                            printable(model.dir().string(), 200), request.window, spec.max_positions));
  }
  std::vector<PreparedText> out;
  std::unique_ptr<text::Tokenizer> tokenizer;
  for (const NamedText& text : request.texts) {
    if (!tokenizer) tokenizer = open_for(text.source.documents, model, request.tokens);
    const text::Bos bos = resolve_bos(request.tokens, tokenizer.get());
    PreparedText& prepared = out.emplace_back();
    prepared.result = {text.name, std::string(text::bos_name(bos)), 0, 0, 0};
    for (text::Window& window :
         text::perplexity_windows(text.source.documents, tokenizer.get(), request.window, request.step(), bos,
                                  spec.vocabulary, prepared.result.tokens)) {
      prepared.result.predicted += static_cast<int64_t>(window.ids.size()) - window.first_target;
      prepared.windows.push_back({std::move(window)});
    }
  }
  return out;
}

Perplexity measure_text(const engine::LanguageModel& model, const PreparedText& text, const std::string& name,
                        const EvalRequest& request, std::string& per_token) {
  // A line a token needs also those that an earlier window has counted already.
  const bool lines = !request.files.per_token.empty();
  std::vector<engine::LanguageModel::Document> asked = text.windows;
  if (lines) {
    for (engine::LanguageModel::Document& window : asked) window[0].first_target = 1;
  }
  std::vector<double> sums(asked.size());
  std::vector<std::string> line(lines ? asked.size() : 0);
  {
    Progress progress(fmt::format("{}: {}", printable(fs::path(name).filename().string(), 20), text.result.text),
                      static_cast<int64_t>(asked.size()), "windows");
    model.likelihoods(asked, request.likelihood, [&](size_t w, const std::vector<text::WindowScore>& scores) {
      const std::vector<float>& logprobs = scores[0].logprobs;
      const auto counted = text.windows[w][0].first_target - asked[w][0].first_target;
      sums[w] = std::accumulate(logprobs.begin() + counted, logprobs.end(), 0.0);
      if (lines) line[w] = token_line(name, request, text, w, logprobs);
      progress.advance();
    });
  }
  for (const std::string& one : line) per_token += one;
  Perplexity result = text.result;
  result.nll = -std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(result.predicted);
  if (!std::isfinite(result.nll)) {
    throw diverged("the perplexity is not a number")
        .where(fmt::format("text {}", result.text))
        .file(name)
        .help("use `dtype` fp32: half precision overflows in some models");
  }
  return result;
}

}  // namespace shorten::jobs
