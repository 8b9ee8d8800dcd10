// SPDX-License-Identifier: Apache-2.0
// bench.json of docs/formats.md, and the figures in it.
#include <algorithm>

#include "core/version.h"
#include "jobs/bench.h"

namespace shorten::jobs {
namespace {

Json result_json(const BenchResult& result, const BenchModel& model) {
  Json out = {{"path", model.path},
              {"blocks", model.blocks},
              {"parameters", model.parameters},
              {"random_weights", model.random_weights},
              {"device", model.loaded() ? Json(model.used.device) : Json()},
              {"dtype", model.loaded() ? Json(model.used.dtype) : Json()},
              {"batch", result.point.batch},
              {"input", result.point.input},
              {"new_tokens", result.point.new_tokens},
              {"weight_bytes", model.loaded() ? Json(model.weight_bytes) : Json()}};
  if (!result.ran()) {
    out["out_of_memory"] = result.out_of_memory;
    return out;
  }
  const report::Statistics latency = report::statistics(result.latency);
  out["latency_s"] = {
      {"mean", latency.mean}, {"std", Json()}, {"median", latency.median}, {"ci95", Json()}, {"runs", result.latency}};
  if (latency.deviation) {
    out["latency_s"]["std"] = *latency.deviation;
    out["latency_s"]["ci95"] = {latency.mean - *latency.half, latency.mean + *latency.half};
  }
  out["throughput_tok_s"] = result.throughput();
  out["prefill_s"] = report::mean(result.prefill);
  out["prefill_runs_s"] = result.prefill;
  const bool decodes = result.point.new_tokens > 1;
  out["decode_tok_s"] = decodes ? Json(result.decode_throughput()) : Json();
  out["peak_memory_bytes"] = result.peak_memory;
  out["bandwidth_gb_s"] = decodes ? Json(result.bandwidth() / 1e9) : Json();
  return out;
}

}  // namespace

bool BenchReport::any_ran() const {
  return std::any_of(results.begin(), results.end(), [](const BenchResult& r) { return r.ran(); });
}

double BenchResult::throughput() const {
  return static_cast<double>(point.batch * point.new_tokens) / report::mean(latency);
}

double BenchResult::decode_throughput() const {
  return static_cast<double>(point.batch * (point.new_tokens - 1)) / (report::mean(latency) - report::mean(prefill));
}

double BenchResult::bandwidth() const { return bytes_a_step * decode_throughput() / static_cast<double>(point.batch); }

Json to_json(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchResult& result : report.results) results.push_back(result_json(result, report.models[result.model]));
  return {{"format", "shorten.bench"}, {"version", 1},        {"shorten_version", kVersion},
          {"warmup", report.warmup},   {"runs", report.runs}, {"copy_bandwidth_gb_s", report.copy_bandwidth / 1e9},
          {"results", results}};
}

}  // namespace shorten::jobs
