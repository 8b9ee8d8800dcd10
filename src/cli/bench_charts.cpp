// SPDX-License-Identifier: Apache-2.0
// The two pictures of `bench --charts`.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/bench.h"
#include "cli/chart.h"

namespace shorten::cli {
namespace {

std::string short_name(const BenchModel& model) {
  return fmt::format("{}, {} blocks", std::filesystem::path(model.path).filename().string(), model.blocks);
}

}  // namespace

std::string latency_chart(const BenchReport& report) {
  Chart chart{"Latency against throughput", "tokens a second", "latency, s", {}};
  for (size_t m = 0; m < report.models.size(); ++m) {
    Series series{short_name(report.models[m]), {}};
    for (const BenchResult& r : report.results) {
      if (r.model != m || !r.ran()) continue;
      series.points.push_back({r.throughput(), statistics(r.latency).mean, fmt::format("batch {}", r.point.batch)});
    }
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  return render_svg(chart);
}

std::string blocks_chart(const BenchReport& report) {
  int64_t most = 0;
  for (const BenchModel& model : report.models) most = std::max(most, model.blocks_before);
  Chart chart{"Speed against blocks removed", "blocks removed", "tokens a second", {}};
  std::vector<GridPoint> points;
  for (const BenchResult& r : report.results) {
    const auto same = [&](const GridPoint& p) {
      return p.batch == r.point.batch && p.input == r.point.input && p.new_tokens == r.point.new_tokens;
    };
    if (!r.ran()) continue;
    auto found = std::find_if(points.begin(), points.end(), same);
    if (found == points.end()) {
      points.push_back(r.point);
      chart.series.push_back({fmt::format("batch {}, {} + {}", r.point.batch, r.point.input, r.point.new_tokens), {}});
      found = points.end() - 1;
    }
    const auto removed = static_cast<double>(most - report.models[r.model].blocks);
    chart.series[static_cast<size_t>(found - points.begin())].points.push_back({removed, r.throughput(), ""});
  }
  for (Series& series : chart.series)
    std::sort(series.points.begin(), series.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  return render_svg(chart);
}

}  // namespace shorten::cli
