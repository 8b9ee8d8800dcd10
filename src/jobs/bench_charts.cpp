// SPDX-License-Identifier: Apache-2.0
// The two pictures of `bench --charts`.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "jobs/bench.h"
#include "report/chart.h"

namespace shorten::jobs {
namespace {

// The last name in the path, of a configuration that of its folder; the whole path where another model has the same.
std::string short_name(const std::vector<BenchModel>& models, size_t which) {
  const auto folder = [](const BenchModel& model) {
    const fs::path path = fs::path(model.path).lexically_normal();
    const bool inside = !path.has_filename() || (path.filename() == "config.json" && path.has_parent_path());
    return inside ? path.parent_path() : path;
  };
  const fs::path own = folder(models[which]);
  const bool unique = std::none_of(models.begin(), models.end(), [&](const BenchModel& other) {
    return folder(other) != own && folder(other).filename() == own.filename();
  });
  return printable((unique ? own.filename() : own).string(), 60);
}

bool same_lengths(const GridPoint& a, const GridPoint& b) { return a.input == b.input && a.new_tokens == b.new_tokens; }

}  // namespace

// A line joins what differs in the batch alone.
std::string latency_chart(const BenchReport& report) {
  std::vector<GridPoint> lengths;
  for (const BenchResult& r : report.results) {
    const auto same = [&](const GridPoint& p) { return same_lengths(p, r.point); };
    if (std::none_of(lengths.begin(), lengths.end(), same)) lengths.push_back(r.point);
  }
  report::Chart chart{"Latency against throughput", "tokens a second", "latency, s", {}};
  for (size_t m = 0; m < report.models.size(); ++m) {
    for (const GridPoint& point : lengths) {
      const std::string name = fmt::format("{}, {} blocks", short_name(report.models, m), report.models[m].blocks);
      report::Series series{
          lengths.size() == 1 ? name : fmt::format("{}, {} + {}", name, point.input, point.new_tokens), {}};
      for (const BenchResult& r : report.results) {
        if (r.model != m || !r.ran() || !same_lengths(point, r.point)) continue;
        series.points.push_back(
            {r.throughput(), report::statistics(r.latency).mean, fmt::format("batch {}", r.point.batch)});
      }
      if (!series.points.empty()) chart.series.push_back(std::move(series));
    }
  }
  return report::render_svg(chart);
}

// A line joins the same model at the same point with more and fewer blocks.
std::string blocks_chart(const BenchReport& report) {
  std::map<std::vector<int64_t>, int64_t> most;  // blocks of a shape
  for (const BenchModel& model : report.models) most[model.shape] = std::max(most[model.shape], model.blocks_before);
  report::Chart chart{"Speed against blocks removed", "blocks removed", "tokens a second", {}};
  std::vector<const BenchResult*> first;  // of each line
  for (const BenchResult& r : report.results) {
    if (!r.ran()) continue;
    const BenchModel& model = report.models[r.model];
    const auto same = [&](const BenchResult* other) {
      return other->point.batch == r.point.batch && same_lengths(other->point, r.point) &&
             report.models[other->model].shape == model.shape;
    };
    auto found = std::find_if(first.begin(), first.end(), same);
    if (found == first.end()) {
      const std::string name = fmt::format("batch {}, {} + {}", r.point.batch, r.point.input, r.point.new_tokens);
      chart.series.push_back({most.size() == 1 ? name : short_name(report.models, r.model) + ", " + name, {}});
      first.push_back(&r);
      found = first.end() - 1;
    }
    const auto removed = static_cast<double>(most[model.shape] - model.blocks);
    chart.series[static_cast<size_t>(found - first.begin())].points.push_back({removed, r.throughput(), ""});
  }
  for (report::Series& series : chart.series)
    std::sort(series.points.begin(), series.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  return report::render_svg(chart);
}

}  // namespace shorten::jobs
