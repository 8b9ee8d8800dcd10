// SPDX-License-Identifier: Apache-2.0
// Speed of tokenizers, on one core.
//   bench_tokenizer MODEL_DIR TEXT_FILE [--benchmark_…]
// encode: bytes of text a second; encode_lines: the same, a call a line (tasks); open: a load.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "text/tokenizer.h"

namespace {

using shorten::text::open_tokenizer;
using shorten::text::Tokenizer;

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  size_t tokens = 0;
  for (auto _ : state) tokens = tokenizer.encode(text).size();
  state.SetBytesProcessed(static_cast<int64_t>(text.size()) * state.iterations());
  state.counters["tokens"] = static_cast<double>(tokens);
}

void encode_lines(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string_view> lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(std::string_view(text).substr(start, end - start));
    start = end + 1;
  }
  for (auto _ : state) {
    for (const std::string_view line : lines) benchmark::DoNotOptimize(tokenizer.encode(line));
  }
  state.SetBytesProcessed(static_cast<int64_t>(text.size()) * state.iterations());
}

void open(benchmark::State& state, const std::string& model) {
  for (auto _ : state) benchmark::DoNotOptimize(open_tokenizer(model));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_tokenizer MODEL_DIR TEXT_FILE\n");
    return 2;
  }
  try {
    const std::string model = argv[1];
    const std::string text = shorten::read_file(argv[2]);
    const auto tokenizer = open_tokenizer(model);
    benchmark::RegisterBenchmark("encode", [&](auto& state) { encode(state, *tokenizer, text); });
    benchmark::RegisterBenchmark("encode_lines", [&](auto& state) { encode_lines(state, *tokenizer, text); });
    benchmark::RegisterBenchmark("open", [&](auto& state) { open(state, model); })->Unit(benchmark::kMillisecond);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const shorten::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return static_cast<int>(e.code());
  }
  return 0;
}
