// SPDX-License-Identifier: Apache-2.0
// Times the steps of training on a shape with random weights and random rows, through the same entry as `shorten heal`.
// Prints one JSON line.
//   bench_heal CONFIG.json --steps 10 --batch 16 --length 256 [--rank 8] [--dropout 0] [--recompute on|off|auto]
//              [--method lora|full] [--micro-batch N] [--max-memory BYTES] [--device cuda] [--dtype bf16]
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/source.h"
#include "core/error.h"
#include "core/json.h"
#include "core/random.h"
#include "core/system.h"
#include "core/units.h"
#include "engine/engine.h"
#include "family/spec.h"

using namespace shorten;

int main(int argc, char** argv) {
  engine::HealRequest request;
  recipe::Settings& s = request.settings;
  std::string model, recompute = "auto", method = "lora", memory;
  s.steps = 10;
  s.batch = 16;
  s.dropout = 0;
  s.warmup = 0;
  CLI::App app("times training");
  app.add_option("CONFIG", model)->required();
  app.add_option("--steps", s.steps);
  app.add_option("--batch", s.batch);
  app.add_option("--micro-batch", s.micro_batch);
  app.add_option("--length", s.length);
  app.add_option("--rank", s.rank);
  app.add_option("--dropout", s.dropout);
  app.add_option("--recompute", recompute)->check(CLI::IsMember({"on", "off", "auto"}));
  app.add_option("--method", method)->check(CLI::IsMember({"lora", "full"}));
  app.add_option("--max-memory", memory);
  app.add_option("--device", request.compute.device);
  app.add_option("--dtype", request.compute.dtype);
  app.add_option("--threads", request.compute.threads);
  CLI11_PARSE(app, argc, argv);
  try {
    request.model = bench::source(model, true);
    s.recompute = recompute == "on"    ? recipe::Recompute::kOn
                  : recompute == "off" ? recipe::Recompute::kOff
                                       : recipe::Recompute::kAuto;
    s.method = method == "full" ? recipe::Method::kFull : recipe::Method::kLora;
    if (!memory.empty()) s.max_memory = parse_bytes(memory, "--max-memory");
    const family::ModelSpec& spec = request.model.spec;
    Random random(s.seed);
    for (int64_t r = 0; r < s.batch * s.steps; ++r) {
      data::Example row;
      for (int64_t i = 0; i < s.length; ++i)
        row.ids.push_back(static_cast<text::TokenId>(random.below(static_cast<uint64_t>(spec.vocabulary))));
      row.labels = row.ids;
      request.rows.push_back(std::move(row));
    }
    Json rates = Json::array(), losses = Json::array();
    recipe::Hooks hooks;
    hooks.on_step = [&](const recipe::StepRecord& r) {
      rates.push_back(static_cast<double>(r.tokens) / r.seconds);
      losses.push_back(r.loss);
    };
    const engine::HealResponse response = shorten_engine()->heal(request, hooks);
    const bool cpu = response.used.device == "cpu";
    const Json json = {{"device", response.used.device},
                       {"dtype", response.used.dtype},
                       {"tokens_per_s", rates},
                       {"loss", losses},
                       {"micro_batch", response.result.micro_batch},
                       {"recompute", response.result.recompute},
                       {"peak_bytes", cpu ? peak_memory() : response.used.device_memory}};
    std::printf("%s\n", json.dump().c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.block().c_str());
    return static_cast<int>(error.code());
  }
  return 0;
}
