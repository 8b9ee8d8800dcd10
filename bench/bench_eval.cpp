// SPDX-License-Identifier: Apache-2.0
// Times the likelihoods of questions alone, without loading, through the same entry as `shorten eval`. Prints one
// JSON line.
//   bench_eval config.json --random-weights --documents questions.jsonl [--dtype bf16] [--device cuda] [--repeat 3]
// A document is a line {"context": [ids], "choices": [[ids], ...]}.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "bench/source.h"
#include "core/error.h"
#include "core/json.h"
#include "engine/engine.h"
#include "text/token_tree.h"

namespace engine = shorten::engine;

namespace {

using Document = engine::LanguageModel::Document;

std::vector<Document> read_documents(const std::string& file) {
  std::vector<Document> out;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const shorten::Json json = shorten::parse_json(line, file);
    const auto context = json.at("context").get<std::vector<shorten::text::TokenId>>();
    Document& document = out.emplace_back();
    for (const shorten::Json& choice : json.at("choices")) {
      shorten::text::Window window{context, static_cast<int64_t>(context.size())};
      for (const shorten::Json& id : choice) window.ids.push_back(id.get<shorten::text::TokenId>());
      document.push_back(std::move(window));
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  engine::LoadRequest request;
  engine::LikelihoodSettings settings;
  std::string model, file;
  int repeat = 1;
  bool random_weights = false;
  CLI::App app("times questions");
  app.add_option("MODEL", model)->required();
  app.add_option("--documents", file)->required();
  app.add_option("--device", request.compute.device);
  app.add_option("--dtype", request.compute.dtype);
  app.add_option("--threads", request.compute.threads);
  app.add_option("--batch-tokens", settings.batch_tokens);
  app.add_option("--repeat", repeat);
  app.add_flag("--random-weights", random_weights);
  app.add_flag("!--no-share", settings.share);
  CLI11_PARSE(app, argc, argv);
  try {
    const std::vector<Document> documents = read_documents(file);
    request.model = shorten::bench::source(model, random_weights);
    request.seed = 1234;
    const auto opened = shorten_engine()->load(request);
    std::vector<double> seconds;
    std::vector<std::vector<double>> sums(documents.size());
    for (int i = 0; i < repeat; ++i) {
      const auto start = std::chrono::steady_clock::now();
      opened->likelihoods(documents, settings, [&](size_t d, const std::vector<shorten::text::WindowScore>& scores) {
        sums[d].clear();
        for (const auto& score : scores) sums[d].push_back(score.sum);
      });
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    const engine::ComputeUsed used = opened->used();
    std::puts(shorten::Json{{"device", used.device},
                            {"dtype", used.dtype},
                            {"tokens", shorten::text::count_tokens(documents)},
                            {"seconds", seconds},
                            {"device_memory_bytes", used.device_memory},
                            {"sums", sums}}
                  .dump()
                  .c_str());
    return 0;
  } catch (const shorten::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return static_cast<int>(e.code());
  }
}
