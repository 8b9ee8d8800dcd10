// SPDX-License-Identifier: Apache-2.0
#include "cli/eval_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"

namespace shorten::cli {
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
      .help("choose another folder, or a file: -o report.json");
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
std::vector<std::string> folder_names(const std::vector<std::string>& models) {
  std::vector<std::string> out;
  for (const std::string& model : models) {
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

}  // namespace

EvalOutput::EvalOutput(const EvalOptions& options, const CommonOptions& common, const std::vector<fs::path>& inputs)
    : options_(options), common_(common), names_(folder_names(options.models)) {
  std::error_code failed;
  folder_ = !common.output.empty() && !options.tasks.empty() &&
            (fs::is_directory(common.output, failed) || fs::path(common.output).extension() != ".json");
  std::vector<fs::path> taken = inputs;
  if (folder_) {
    check_not_input(common.output, taken);
    check_folder(common.output);
    check_can_be_folder(common.output);
  } else {
    check_output(common.output, common.force, taken);
  }
  // The outputs are different files.
  if (!common.output.empty()) taken.push_back(folder_ ? fs::path(common.output) / kReport : fs::path(common.output));
  check_output(options.per_token, common.force, taken);
  if (options.log_samples.empty()) return;
  check_not_input(options.log_samples, inputs);
  check_can_be_folder(options.log_samples);
}

fs::path EvalOutput::answers_file(size_t model, const tasks::TaskData& data) const {
  return fs::path(common_.output) / kFinished / names_[model] / fmt::format("{}.json", data.task->name);
}

std::optional<tasks::TaskAnswers> EvalOutput::finished(size_t model, const tasks::TaskData& data,
                                                       const tasks::AnswerKey& key) {
  if (!folder_ || common_.force) return std::nullopt;
  std::string why;
  auto answers = tasks::read_finished(answers_file(model, data), key, data.examples, why);
  const std::string what = fmt::format("{} of {}", data.task->name, printable(options_.models[model], 60));
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

void EvalOutput::stage_harness_files(const EvalReport& report, std::vector<StagedFile>& files) const {
  for (size_t m = 0; m < report.models.size(); ++m) {
    const ModelResult& model = report.models[m];
    const auto stage = [&](const fs::path& folder, const std::string& stem, const std::string& content,
                           const char* extension) {
      make_folder(folder);
      files.emplace_back(folder / fmt::format("{}_{}.{}", stem, model.facts.date, extension), content, false);
    };
    fs::path samples = options_.log_samples;
    if (options_.models.size() > 1) samples /= names_[m];
    if (!options_.log_samples.empty()) {
      for (const tasks::TaskOutcome& outcome : model.tasks)
        stage(samples, fmt::format("samples_{}", outcome.data->task->name), tasks::samples_file(outcome), "jsonl");
    }
    // Boards look for the results beside the samples.
    const std::string results = tasks::results_file(model.tasks, report.profile, model.facts);
    if (folder_) stage(fs::path(common_.output) / names_[m], "results", results, "json");
    if (!folder_ && !options_.log_samples.empty()) stage(samples, "results", results, "json");
  }
}

void EvalOutput::deliver(const EvalReport& report, const std::string& per_token) {
  const std::string json = readable_json(report_json(report));
  std::vector<StagedFile> files;
  if (!report.options.tasks.empty()) stage_harness_files(report, files);
  if (!options_.per_token.empty()) files.emplace_back(options_.per_token, per_token, common_.force);
  if (folder_) make_folder(common_.output);
  const fs::path file = folder_ ? fs::path(common_.output) / kReport : fs::path(common_.output);
  if (!common_.output.empty()) files.emplace_back(file, json, folder_ || common_.force);
  write_stdout(common_.json ? json : report_table(report));
  for (StagedFile& staged : files) staged.commit();  // last: after an error there is no output
  if (!common_.output.empty()) log_info("written: " + common_.output);
}

}  // namespace shorten::cli
