// SPDX-License-Identifier: Apache-2.0
// bench.json of docs/formats.md, and the table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/bench.h"
#include "core/error.h"
#include "core/units.h"
#include "core/version.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The 97.5 % quantile of Student's t: Cornish-Fisher around the normal one (Abramowitz, Stegun 26.7.5), to 1 % from 3
// degrees of freedom on.
double student(double freedom) {
  constexpr double kFew[] = {12.706205, 4.302653, 3.182446, 2.776445};  // where the series is not close yet
  if (freedom < 5) return kFew[static_cast<size_t>(freedom) - 1];
  const double z = 1.959963985, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * std::pow(freedom, 3));
}

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
  const Statistics latency = statistics(result.latency);
  out["latency_s"] = {
      {"mean", latency.mean}, {"std", Json()}, {"median", latency.median}, {"ci95", Json()}, {"runs", result.latency}};
  if (latency.deviation) {
    out["latency_s"]["std"] = *latency.deviation;
    out["latency_s"]["ci95"] = {latency.mean - *latency.half, latency.mean + *latency.half};
  }
  out["throughput_tok_s"] = result.throughput();
  out["prefill_s"] = mean(result.prefill);
  out["prefill_runs_s"] = result.prefill;
  const bool decodes = result.point.new_tokens > 1;
  out["decode_tok_s"] = decodes ? Json(result.decode_throughput()) : Json();
  out["peak_memory_bytes"] = result.peak_memory;
  out["bandwidth_gb_s"] = decodes ? Json(result.bandwidth() / 1e9) : Json();
  return out;
}

// The parts of a reason, a line each.
std::string in_lines(std::string reason) {
  for (size_t at = 0; (at = reason.find("; ", at)) != std::string::npos;) reason.replace(at, 2, "\n   ");
  return reason;
}

std::string letter(size_t model) {
  return model < 26 ? std::string(1, static_cast<char>('A' + model)) : std::to_string(model + 1);
}

}  // namespace

double BenchResult::throughput() const { return static_cast<double>(point.batch * point.new_tokens) / mean(latency); }

double BenchResult::decode_throughput() const {
  return static_cast<double>(point.batch * (point.new_tokens - 1)) / (mean(latency) - mean(prefill));
}

double BenchResult::bandwidth() const { return bytes_a_step * decode_throughput() / static_cast<double>(point.batch); }

Statistics statistics(std::vector<double> values) {
  Statistics out;
  const auto n = static_cast<double>(values.size());
  std::sort(values.begin(), values.end());
  out.mean = mean(values);
  out.median = (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  if (values.size() == 1) return out;
  double squares = 0;
  for (const double x : values) squares += (x - out.mean) * (x - out.mean);
  out.deviation = std::sqrt(squares / (n - 1));
  out.half = student(n - 1) * *out.deviation / std::sqrt(n);
  return out;
}

Json bench_json(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchResult& result : report.results) results.push_back(result_json(result, report.models[result.model]));
  return {{"format", "shorten.bench"}, {"version", 1},        {"shorten_version", kVersion},
          {"warmup", report.warmup},   {"runs", report.runs}, {"copy_bandwidth_gb_s", report.copy_bandwidth / 1e9},
          {"results", results}};
}

std::string bench_table(const BenchReport& report) {
  std::string out;
  for (size_t m = 0; m < report.models.size(); ++m) {
    const BenchModel& model = report.models[m];
    const std::string where = model.loaded() ? fmt::format("{} of weights, {} on {}", human_bytes(model.weight_bytes),
                                                           model.used.dtype, model.used.device)
                                             : "not loaded";
    out += fmt::format("{}  {}\n   {} {}, {} parameters, {}\n", letter(m), printable(model.name, 200), model.blocks,
                       model.blocks == 1 ? "block" : "blocks", human_count(model.parameters), where);
  }
  const std::vector<report::Column> columns = {{"", false},  {"batch"},   {"in"},       {"new"},  {"latency, s"},
                                               {"tokens/s"}, {"prefill"}, {"decode/s"}, {"GB/s"}, {"share"}};
  report::Rows rows;
  std::string cut_short;
  uint64_t peak = 0;
  for (const BenchResult& r : report.results) {
    rows.push_back({letter(r.model), std::to_string(r.point.batch), std::to_string(r.point.input),
                    std::to_string(r.point.new_tokens)});
    if (!r.ran()) {
      rows.back().insert(rows.back().end(), {"out of memory", "", "", "", "", ""});
      cut_short += fmt::format("{}, batch {}: {}\n", letter(r.model), r.point.batch, in_lines(r.out_of_memory));
      continue;
    }
    peak = std::max(peak, r.peak_memory);
    const Statistics latency = statistics(r.latency);
    const int digits = latency.mean < 10 ? 4 : 2;
    rows.back().push_back(fmt::format("{:.{}f}", latency.mean, digits));
    if (latency.deviation) rows.back().back() += fmt::format(" ± {:.{}f}", *latency.deviation, digits);
    rows.back().push_back(fmt::format("{:.1f}", r.throughput()));
    rows.back().push_back(fmt::format("{:.4f}", mean(r.prefill)));
    const bool decodes = r.point.new_tokens > 1;
    rows.back().push_back(decodes ? fmt::format("{:.1f}", r.decode_throughput()) : "");
    rows.back().push_back(decodes ? fmt::format("{:.1f}", r.bandwidth() / 1e9) : "");
    rows.back().push_back(decodes ? fmt::format("{:.2f}", r.bandwidth() / report.copy_bandwidth) : "");
  }
  out += "\n" + report::render_table(columns, rows);
  out += fmt::format("mean ± deviation of {} {} after {} to warm up, models in turn; prefill in seconds\n", report.runs,
                     report.runs == 1 ? "run" : "runs", report.warmup);
  out += fmt::format(
      "GB/s: weights and cache that decoding reads; share: of the {:.1f} GB/s that this\n"
      "device copies, read and written",
      report.copy_bandwidth / 1e9);
  if (peak > 0) out += fmt::format("; peak memory, with all models, {}", human_bytes(peak));
  return out + "\n" + cut_short;
}

}  // namespace shorten::cli
