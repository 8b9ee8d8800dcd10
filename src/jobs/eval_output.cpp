// SPDX-License-Identifier: Apache-2.0
#include "jobs/eval_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"
#include "jobs/outputs.h"

namespace shorten::jobs {
namespace {

constexpr const char* kReport = "report.json";
constexpr const char* kFinished = "finished";

bool is_our_report(const fs::path& file) {
  try {
    const Json json = read_json(file);
    return json.is_object() && json.value("format", "") == "shorten.eval";
  } catch (const std::exception&) {
    return false;
  }
}

// A folder that is not there, is empty, or is of an earlier `eval`.
void check_folder(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) return;
  if (fs::is_directory(folder, failed)) {
    const bool has_report = fs::exists(folder / kReport, failed);
    if (has_report ? is_our_report(folder / kReport) : fs::exists(folder / kFinished, failed)) return;
    if (fs::is_empty(folder, failed)) return;
  }
  throw usage_error("the output is no folder of results")
      .file(folder)
      .expected("a new folder, or one of an earlier shorten eval")
      .help("choose another folder, or a file: `output` report.json");
}

// Throws where a folder could not be made because something else is there.
void check_can_be_folder(const fs::path& folder) {
  std::error_code failed;
  for (fs::path at = folder; !at.empty(); at = at.parent_path()) {
    if (fs::exists(at, failed)) {
      if (fs::is_directory(at, failed)) return;
      throw usage_error("the output is no folder").file(folder).found(fmt::format("a file {}", at.string()));
    }
    if (at == at.parent_path()) return;
  }
}

// Models as folders, each by a name of its own.
std::vector<std::string> folder_names(const std::vector<family::ModelPtr>& models) {
  std::vector<std::string> out;
  for (const family::ModelPtr& opened : models) {
    const std::string& model = opened->name();
    std::string name = tasks::sanitized_name(model);
    if (name == "." || name == ".." || name == kFinished)
      name = tasks::sanitized_name(fs::absolute(model).lexically_normal().string());
    const std::string first = name;
    for (int n = 2; std::find(out.begin(), out.end(), name) != out.end(); ++n) name = fmt::format("{}__{}", first, n);
    out.push_back(name);
  }
  return out;
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw bad_input("cannot make a folder").file(folder).found(failed.message());
}

bool has_folder(const EvalFiles& files) { return !files.results.empty() && !files.report_only; }

fs::path report_file(const EvalFiles& files) { return has_folder(files) ? files.results / kReport : files.results; }

void stage_harness_files(const EvalReport& report, std::vector<StagedFile>& files) {
  const EvalFiles& wanted = report.request.files;
  const std::vector<std::string> names = folder_names(report.request.models);
  for (size_t m = 0; m < report.models.size(); ++m) {
    const ModelResult& model = report.models[m];
    const auto stage = [&](const fs::path& folder, const std::string& stem, const std::string& content,
                           const char* extension) {
      make_folder(folder);
      files.emplace_back(folder / fmt::format("{}_{}.{}", stem, model.facts.date, extension), content, false);
    };
    fs::path samples = wanted.log_samples;
    if (report.models.size() > 1) samples /= names[m];
    if (!wanted.log_samples.empty()) {
      for (const tasks::TaskOutcome& outcome : model.tasks)
        stage(samples, fmt::format("samples_{}", outcome.data->task->name), tasks::samples_file(outcome), "jsonl");
    }
    // Boards look for the results beside the samples.
    const std::string results = tasks::results_file(model.tasks, *report.profile, model.facts);
    if (has_folder(wanted)) stage(wanted.results / names[m], "results", results, "json");
    if (!has_folder(wanted) && !wanted.log_samples.empty()) stage(samples, "results", results, "json");
  }
}

}  // namespace

EvalOutput::EvalOutput(const EvalRequest& request, const std::vector<fs::path>& inputs)
    : request_(request), names_(folder_names(request.models)) {
  const EvalFiles& files = request.files;
  folder_ = has_folder(files);
  std::vector<fs::path> taken = inputs;
  if (folder_) {
    check_not_input(files.results, taken);
    check_folder(files.results);
    check_can_be_folder(files.results);
  } else {
    check_output(files.results, files.force, taken);
  }
  if (!files.results.empty()) taken.push_back(report_file(files));  // the outputs are different files
  check_output(files.per_token, files.force, taken);
  if (files.log_samples.empty()) return;
  check_not_input(files.log_samples, inputs);
  check_can_be_folder(files.log_samples);
}

fs::path EvalOutput::answers_file(size_t model, const tasks::TaskData& data) const {
  return request_.files.results / kFinished / names_[model] / fmt::format("{}.json", data.task->name);
}

std::optional<tasks::TaskAnswers> EvalOutput::finished(size_t model, const tasks::TaskData& data,
                                                       const tasks::AnswerKey& key) {
  if (!folder_ || request_.files.force) return std::nullopt;
  std::string why;
  auto answers = tasks::read_finished(answers_file(model, data), key, data.examples, why);
  const std::string what = fmt::format("{} of {}", data.task->name, printable(request_.models[model]->name(), 60));
  if (answers) log_info(fmt::format("{}: answers of an earlier run are taken over", what));
  if (!why.empty()) log_info(fmt::format("{}: starting anew: {}", what, why));
  return answers;
}

void EvalOutput::keep(size_t model, const tasks::TaskData& data, const tasks::AnswerKey& key,
                      const tasks::TaskAnswers& answers) {
  if (!folder_) return;
  const fs::path file = answers_file(model, data);
  make_folder(file.parent_path());
  tasks::write_finished(file, key, answers);
}

void write_results(const EvalReport& report, const std::function<void()>& before_commit) {
  const EvalFiles& wanted = report.request.files;
  const std::string json = readable_json(to_json(report));
  std::vector<StagedFile> files;
  if (!report.data.empty()) stage_harness_files(report, files);
  if (!wanted.per_token.empty()) files.emplace_back(wanted.per_token, report.per_token, wanted.force);
  const bool folder = has_folder(wanted);
  if (folder) make_folder(wanted.results);
  if (!wanted.results.empty()) files.emplace_back(report_file(wanted), json, folder || wanted.force);
  before_commit();
  for (StagedFile& staged : files) staged.commit();  // last: after an error there is no output
}

}  // namespace shorten::jobs
