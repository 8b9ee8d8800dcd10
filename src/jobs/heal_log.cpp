// SPDX-License-Identifier: Apache-2.0
#include "jobs/heal_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "core/error.h"
#include "core/file_format.h"
#include "core/json_text.h"
#include "core/progress.h"
#include "core/units.h"
#include "core/version.h"
#include "report/chart.h"

namespace shorten::jobs {
namespace {

constexpr std::chrono::seconds kBetweenLines{5};

std::string csv(const std::vector<Json>& lines) {
  constexpr const char* kColumns[] = {"step", "loss", "grad_norm", "lr", "tokens", "tokens_per_s", "val_loss"};
  std::string out = fmt::format("{}\n", fmt::join(kColumns, ","));
  for (const Json& line : lines) {
    std::string row;
    for (const char* column : kColumns) {
      if (column != kColumns[0]) row += ",";
      if (line.contains(column) && !line[column].is_null()) row += line[column].dump();
    }
    out += row + "\n";
  }
  return out;
}

// Of a log that something else than this program may have damaged.
bool is_line(const Json& line, int64_t step) {
  const auto has = [&](const char* key) { return line.contains(key) && line[key].is_number(); };
  return line.is_object() && has("step") && has("tokens") && has("seconds") && line["step"] == step;
}

report::Chart loss_chart(const std::vector<Json>& lines, const recipe::Measured& before) {
  report::Chart chart{"Loss by step", "step", "loss", {{"training", {}}, {"held-out rows", {}}}};
  if (before.loss && std::isfinite(*before.loss)) chart.series[1].points.push_back({0, *before.loss, ""});
  for (const Json& line : lines) {
    const double step = line["step"].get<double>();
    if (line["loss"].is_number()) chart.series[0].points.push_back({step, line["loss"].get<double>(), ""});
    if (line.contains("val_loss") && line["val_loss"].is_number())
      chart.series[1].points.push_back({step, line["val_loss"].get<double>(), ""});
  }
  std::erase_if(chart.series, [](const report::Series& s) { return s.points.empty(); });
  return chart;
}

}  // namespace

HealLog::HealLog(fs::path run, const engine::HealRequest& request) : run_(std::move(run)), request_(request) {}

void HealLog::start(int64_t done, const recipe::Measured& before) {
  done_ = done;
  const fs::path file = run_ / "train.jsonl";
  std::string kept;
  if (done > 0 && fs::exists(file)) {
    const std::string text = read_file(file);
    for (size_t start = 0; start < text.size();) {
      const size_t end = text.find('\n', start);
      if (end == std::string::npos) break;  // a line that was being written
      const Json line = Json::parse(std::string_view(text).substr(start, end - start), nullptr, false);
      const auto next = static_cast<int64_t>(lines_.size()) + 1;
      if (next > done || !is_line(line, next)) break;
      kept += text.substr(start, end - start + 1);
      tokens_ += line["tokens"].get<int64_t>();
      seconds_ += line["seconds"].get<double>();
      lines_.push_back(line);
      start = end + 1;
    }
  }
  if (const auto found = static_cast<int64_t>(lines_.size()); found < done)
    log_warning(fmt::format("{}: the lines of steps {} to {} were lost", file.string(), found + 1, done));
  StagedFile(file, kept, true).commit();
  if (done > 0) log_info(fmt::format("going on after step {} of {}", done, request_.settings.steps));
  std::string line = "before";
  if (before.loss) line += fmt::format("  val {:.4f}", *before.loss);
  for (const auto& [name, value] : before.texts) line += fmt::format("  {} {:.2f}", name, value);
  if (done == 0 && line != "before") log_info(line);
}

void HealLog::step(const recipe::StepRecord& r) {
  const double rate = r.seconds > 0 ? static_cast<double>(r.tokens) / r.seconds : 0;
  Json line = {{"step", r.step},
               {"loss", recipe::number(r.loss)},
               {"grad_norm", recipe::number(r.grad_norm)},
               {"lr", r.lr},
               {"tokens", r.tokens},
               {"tokens_per_s", rate},
               {"seconds", r.seconds}};
  if (request_.settings.objective == recipe::Objective::kKd) {
    line["kd"] = recipe::number(r.kd);
    line["ce"] = recipe::number(r.ce);
    if (request_.settings.hidden_weight > 0) line["hidden"] = recipe::number(r.hidden);
  }
  if (r.skipped) line["skipped"] = true;
  std::string shown =
      fmt::format("step {}/{}  loss {:.4f}  norm {:.3g}  lr {:.2e}  {}/s", r.step, request_.settings.steps, r.loss,
                  r.grad_norm, r.lr, with_separators(static_cast<int64_t>(rate)));
  if (r.measured) {
    if (r.measured->loss) {
      line["val_loss"] = recipe::number(*r.measured->loss);
      shown += fmt::format("  val {:.4f}", *r.measured->loss);
    }
    for (const auto& [name, value] : r.measured->texts) {
      line["perplexity"][name] = recipe::number(value);
      shown += fmt::format("  {} {:.2f}", name, value);
    }
  }
  lines_.push_back(line);
  tokens_ += r.tokens;
  seconds_ += r.seconds;
  const std::string text = line.dump() + "\n";
  const int fd = ::open((run_ / "train.jsonl").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const ssize_t count = fd >= 0 ? ::write(fd, text.data(), text.size()) : -1;
  const int failed = count < 0 ? errno : ENOSPC;
  const bool written = count == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  if (!written) {
    throw io_error("cannot write the log", failed)
        .file(run_ / "train.jsonl")
        .help(disk_full(failed) ? "free some space; the last saved state stays"
                                : "continue the run from its last saved state: `resume`");
  }
  const auto now = std::chrono::steady_clock::now();
  if (!r.measured && now - said_ < kBetweenLines) return;
  said_ = now;
  const double left = seconds_ / static_cast<double>(r.step) * static_cast<double>(request_.settings.steps - r.step);
  log_info(fmt::format("{}  {} left", shown, human_seconds(left)));
}

void HealLog::sync() const {
  const int fd = ::open((run_ / "train.jsonl").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // what it cannot keep is missing from a log, not from the run
  ::close(fd);
}

Json HealLog::finish(const SavedRun& run, const engine::HealResponse& response) {
  const recipe::TrainResult& result = response.result;
  const recipe::Settings& s = request_.settings;
  Json json = {{"format", "shorten.heal"}, {"version", kFileVersion}, {"shorten_version", kVersion}};
  json.update(run.facts);
  json["asked"] = run.asked;
  json["settings"] = recipe::to_json(s);
  json["compute"] = {{"device", response.used.device}, {"dtype", response.used.dtype}};
  json["trained_parameters"] = response.trained;
  json["micro_batch"] = result.micro_batch;
  json["recompute"] = result.recompute;
  json["shared_weights"] = response.shared;
  json["steps"] = result.steps;
  json["skipped"] = result.skipped;
  json["stopped_early"] = result.stopped_early;
  json["tokens"] = tokens_;
  json["seconds"] = seconds_;
  json["before"] = recipe::to_json(result.before);
  json["after"] = recipe::to_json(result.after);
  json["best"] = result.best ? Json{{"step", result.best_step}, {"loss", *result.best->loss}} : Json();
  if (result.best && result.before.loss && *result.best->loss >= *result.before.loss) {
    log_warning(fmt::format("the held-out loss never fell below the {:.4f} that it began with: least {:.4f}, step {}",
                            *result.before.loss, *result.best->loss, result.best_step));
  }
  StagedFile(run_ / "train.csv", csv(lines_), true).commit();
  if (const report::Chart chart = loss_chart(lines_, result.before); !chart.series.empty())
    StagedFile(run_ / "loss.svg", report::render_svg(chart), true).commit();
  return json;
}

}  // namespace shorten::jobs
