// SPDX-License-Identifier: Apache-2.0
// What `bench` shows.
#include "cli/bench_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/units.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

// The parts of a reason, a line each.
std::string in_lines(std::string reason) {
  for (size_t at = 0; (at = reason.find("; ", at)) != std::string::npos;) reason.replace(at, 2, "\n   ");
  return reason;
}

}  // namespace

std::string bench_table(const jobs::BenchReport& report) {
  std::string out;
  for (size_t m = 0; m < report.models.size(); ++m) {
    const jobs::BenchModel& model = report.models[m];
    const std::string where = model.loaded() ? fmt::format("{} of weights, {} on {}", human_bytes(model.weight_bytes),
                                                           model.used.dtype, model.used.device)
                                             : "not loaded";
    out += fmt::format("{}  {}\n   {} {}, {} parameters, {}\n", report::model_letter(m), printable(model.name, 200),
                       model.blocks, model.blocks == 1 ? "block" : "blocks", human_count(model.parameters), where);
  }
  const std::vector<report::Column> columns = {{"", false},  {"batch"},   {"in"},       {"new"},  {"latency, s"},
                                               {"tokens/s"}, {"prefill"}, {"decode/s"}, {"GB/s"}, {"share"}};
  report::Rows rows;
  std::string cut_short;
  uint64_t peak = 0;
  for (const jobs::BenchResult& r : report.results) {
    rows.push_back({report::model_letter(r.model), std::to_string(r.point.batch), std::to_string(r.point.input),
                    std::to_string(r.point.new_tokens)});
    if (!r.ran()) {
      rows.back().insert(rows.back().end(), {"out of memory", "", "", "", "", ""});
      cut_short +=
          fmt::format("{}, batch {}: {}\n", report::model_letter(r.model), r.point.batch, in_lines(r.out_of_memory));
      continue;
    }
    peak = std::max(peak, r.peak_memory);
    const report::Statistics latency = report::statistics(r.latency);
    const int digits = latency.mean < 10 ? 4 : 2;
    rows.back().push_back(fmt::format("{:.{}f}", latency.mean, digits));
    if (latency.deviation) rows.back().back() += fmt::format(" ± {:.{}f}", *latency.deviation, digits);
    rows.back().push_back(fmt::format("{:.1f}", r.throughput()));
    rows.back().push_back(fmt::format("{:.4f}", report::mean(r.prefill)));
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
