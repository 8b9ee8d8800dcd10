// SPDX-License-Identifier: Apache-2.0
// Times scoring alone, without loading, through the same entry as `shorten score`. Prints one JSON line.
//   bench_score MODEL --rows rows.jsonl --criterion ppl [--dtype fp32] [--device cpu] [--repeat 3]
//   bench_score config.json --random-weights --criterion ppl,bi ...    a shape without weights
// Rows: ready ids as tests/golden/novelist-14m/calibration.jsonl; without --rows, 10 x 128 seeded ids.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/source.h"
#include "core/error.h"
#include "core/json.h"
#include "core/random.h"
#include "core/system.h"
#include "engine/engine.h"

namespace engine = shorten::engine;

namespace {

std::vector<std::vector<shorten::text::TokenId>> random_rows(int64_t samples, int64_t length, uint64_t seed) {
  shorten::Random random(seed);
  std::vector<std::vector<shorten::text::TokenId>> rows(static_cast<size_t>(samples));
  for (auto& row : rows) {
    for (int64_t i = 0; i < length; ++i) row.push_back(static_cast<shorten::text::TokenId>(random.below(1000)));
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  engine::ScoreRequest request;
  std::string model, rows;
  int64_t samples = 10, length = 128;
  bool random_weights = false;
  CLI::App app("times scoring");
  app.add_option("MODEL", model)->required();
  app.add_option("--rows", rows);
  app.add_option("--samples", samples);
  app.add_option("--length", length);
  app.add_option("--criterion", request.criteria)->delimiter(',')->required();
  app.add_option("--device", request.compute.device);
  app.add_option("--dtype", request.compute.dtype);
  app.add_option("--threads", request.compute.threads);
  app.add_option("--repeat", request.repeat);
  app.add_flag("--random-weights", random_weights);
  CLI11_PARSE(app, argc, argv);
  try {
    request.model = shorten::bench::source(model, random_weights);
    request.seed = 1234;
    if (rows.empty()) {
      request.rows = random_rows(samples, length, request.seed);
    } else {
      for (const auto& document : shorten::text::read_source(rows).documents) request.rows.push_back(document.ids);
    }
    const engine::ScoreResponse response = shorten_engine()->score(request);
    shorten::Json json = {{"device", response.used.device},
                          {"dtype", response.used.dtype},
                          {"seconds", response.seconds},
                          {"peak_memory_bytes", shorten::peak_memory()},
                          {"device_memory_bytes", response.used.device_memory},
                          {"baseline_perplexity", response.baseline_perplexity.value_or(0)}};
    for (const auto& [name, criterion] : response.criteria) {
      json["criteria"][name] = {{"scores", criterion.scores}, {"order", criterion.order()}};
    }
    std::puts(json.dump().c_str());
    return 0;
  } catch (const shorten::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return static_cast<int>(e.code());
  }
}
