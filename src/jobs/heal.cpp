// SPDX-License-Identifier: Apache-2.0
#include "jobs/heal.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/json_text.h"
#include "core/utf8.h"
#include "core/version.h"
#include "data/show.h"
#include "engine/open.h"
#include "jobs/heal_log.h"
#include "jobs/heal_parts.h"
#include "peft/adapter.h"
#include "recipe/settings_table.h"

namespace shorten::jobs {
namespace {

// Rank, alpha and targets are the adapter's own.
void take_adapter(const HealRequest& request, recipe::Settings& s) {
  if (request.init_adapter.empty()) return;
  for (const char* key : {"rank", "alpha", "targets"}) {
    if (recipe::is_asked(recipe::find_setting(key), request.settings))
      throw usage_error("the adapter determines this").field(key).help("leave it out with `init_adapter`");
  }
  const peft::AdapterConfig config =
      peft::open_adapter(request.init_adapter, request.model->spec(), request.model->fingerprint()).config;
  s.rank = config.rank;
  s.alpha = config.alpha;
  s.rank_stabilised = config.rank_stabilised;
  s.targets = config.targets;
}

// What a run is begun with is kept as JSON, to be continued.
void check_recordable(const HealRequest& request) {
  std::vector<std::string> words = request.command;
  words.push_back(fs::current_path().string());
  for (const std::string& word : words) {
    if (find_invalid_utf8(word) == std::string::npos) continue;
    throw usage_error("a name that cannot be recorded for continuing the run")
        .expected("UTF-8 in the command and in the path of this folder")
        .found(printable(word, 200));
  }
}

std::vector<fs::path> inputs_of(const HealRequest& request, const HealModels& models) {
  std::vector<fs::path> inputs = {models.model->dir()};
  inputs.insert(inputs.end(), request.data.begin(), request.data.end());
  if (models.parent) inputs.push_back(models.parent->dir());
  if (!request.init_adapter.empty()) inputs.push_back(request.init_adapter);
  return inputs;
}

Json source_of(const family::Model& model) {
  Json source = {{"path", fs::absolute(model.dir()).string()}, {"fingerprint", model.fingerprint()}};
  if (Json record = family::read_record(model.files()); !record.is_null()) source["shorten"] = std::move(record);
  return source;
}

SavedRun new_run(const HealRequest& request, const HealModels& models, const recipe::Settings& settings,
                 HealData data) {
  const Json teacher =
      models.teaches ? Json{{"path", models.parent->dir().string()}, {"fingerprint", models.parent->fingerprint()}}
                     : Json();
  SavedRun run;
  run.facts = {{"argv", request.command},
               {"model", {{"path", request.model->name()}, {"fingerprint", request.model->fingerprint()}}},
               {"teacher", teacher},
               {"data", data.sources},
               {"rows", data.rows.size()},
               {"rows_sha256", data::examples_sha256(data.rows)},
               {"validation_rows", data.validation.size()}};
  run.asked = asked_with(request);
  engine::HealRequest& r = run.request;
  r.model = engine::source_of(models.model);
  if (models.teaches) r.teacher = models.parent;
  r.kept = models.kept;
  r.settings = settings;
  r.rows = std::move(data.rows);
  r.validation = std::move(data.validation);
  r.texts = std::move(data.texts);
  if (!request.init_adapter.empty()) r.init_adapter = fs::absolute(request.init_adapter);
  r.run = request.run;
  r.merge = request.merge;
  r.compute = request.place.options();
  r.record = {{"format", family::kHealedFormat},    {"version", 1},
              {"shorten_version", kVersion},        {"argv", request.command},
              {"source", source_of(*models.model)}, {"settings", recipe::to_json(settings)}};
  return run;
}

class Run final : public HealRun {
 public:
  explicit Run(fs::path path) : directory_(std::move(path)) {}

  const fs::path& path() const override { return directory_.path(); }
  bool finished() const override { return report_.has_value(); }
  const Json& report() const override { return report_.value(); }
  bool can_continue(const Error& error) const override {
    return continuable_ && (error.code() == ExitCode::kInterrupted || error.code() == ExitCode::kNoSpace);
  }

  void begin(const HealRequest& request) {
    check_recordable(request);
    recipe::Settings settings = resolve_settings(request);
    const HealModels models = open_heal_models(request, settings);
    take_adapter(request, settings);
    directory_.check(request.force, inputs_of(request, models));
    HealData data = read_heal_data(request, models, settings);
    run_ = new_run(request, models, settings, std::move(data));
    directory_.create();
    try {
      directory_.save(run_);
    } catch (const Error&) {  // a full disk: there is nothing to continue
      directory_.discard();
      throw;
    }
    fresh_ = true;
  }

  // False if there is nothing there. `alone`: the folder says what is trained.
  bool resume(const HealRequest& request, bool alone) {
    if (directory_.resumable()) {
      if (alone) check_only_changes(request);
      run_ = directory_.load();
      check_same_place(request, run_);
      if (!alone) check_same_run(request, run_);
      take_changes(request, run_.request);
      return true;
    }
    if (directory_.finished()) take_report(request, alone);
    return finished();
  }

  void train(const Hooks& hooks, const std::function<void(const Json&)>& before_commit) override {
    const HookScope scope(hooks);
    HealLog log(path(), run_.request);
    recipe::Hooks steps;
    steps.on_start = [&](int64_t done, const recipe::Measured& before) {
      started_ = true;
      if (done == 0) directory_.remove_outputs();
      log.start(done, before);
    };
    steps.on_step = [&](const recipe::StepRecord& record) { log.step(record); };
    steps.before_save = [&] { log.sync(); };
    steps.stop = [&] { return hooks.stop.stop_requested(); };
    continuable_ = true;
    try {
      const engine::HealResponse response = engine::open().heal(run_.request, steps);
      Json report = log.finish(run_, response);
      StagedFile file(path() / "heal.json", readable_json(report), true);
      before_commit(report);
      file.commit();
      report_ = std::move(report);
    } catch (const Error& error) {
      if (fresh_ && !started_ && error.code() != ExitCode::kInterrupted) {  // nothing is worth continuing
        continuable_ = false;
        directory_.discard();
      }
      throw;
    }
    directory_.finish();
  }

 private:
  void take_report(const HealRequest& request, bool alone) {
    const fs::path file = path() / "heal.json";
    report_ = directory_.report();
    try {
      if (!alone) check_same_report(request, *report_);
    } catch (const Json::exception& e) {
      throw bad_input("the report of the run is damaged").file(file).found(e.what());
    }
    directory_.finish();  // in case it was killed meanwhile
  }

  RunDirectory directory_;
  SavedRun run_;
  bool fresh_ = false, started_ = false;
  bool continuable_ = false;  // its state is worth it
  std::optional<Json> report_;
};

// RUN/
fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

}  // namespace

engine::ComputeOptions PlaceRequest::options() const {
  engine::ComputeOptions out;
  out.device = device.value_or(out.device);
  out.dtype = dtype.value_or(out.dtype);
  out.threads = threads.value_or(out.threads);
  return out;
}

recipe::Settings resolve_settings(const HealRequest& r) {
  recipe::check_training_dtype(r.place.options().dtype);
  const bool self = r.self_text();
  const recipe::Settings s = recipe::resolve(r.settings, {self, family::lora_targets(r.model->spec().blocks.at(0))});
  const auto only = [](bool applies, bool given, const char* field, const char* when) {
    if (given && !applies) throw usage_error("an option that has no effect here").field(field).expected(when);
  };
  const bool lora = s.method == recipe::Method::kLora, kd = s.objective == recipe::Objective::kKd;
  only(lora, !r.init_adapter.empty(), "init_adapter", "only with `method` lora");
  only(lora, !r.merge, "no_merge", "only with `method` lora");
  only(kd || self, r.teacher != nullptr, "teacher", "only with `objective` kd");
  only(self, r.samples.has_value(), "samples", "only with `data` self");
  only(!self, r.train_on_prompt, "train_on_prompt", "only with rows that have a prompt");
  return s;
}

std::unique_ptr<HealRun> prepare_heal(const HealRequest& request, const Hooks& hooks) {
  const HookScope scope(hooks);
  if (request.run.empty())
    throw usage_error("no folder for the run").expected("a folder for everything that the run writes");
  auto run = std::make_unique<Run>(without_slash(request.run));
  if (!request.resume || !run->resume(request, false)) run->begin(request);
  return run;
}

std::unique_ptr<HealRun> resume_heal(const fs::path& folder, const HealRequest& changes, const Hooks& hooks) {
  const HookScope scope(hooks);
  HealRequest request = changes;
  request.run = without_slash(folder);
  auto run = std::make_unique<Run>(request.run);
  if (!run->resume(request, true)) {
    throw bad_input("there is no run to continue")
        .file(request.run)
        .expected("state/run.json")
        .help("start it with a model and a folder for the run");
  }
  return run;
}

std::vector<std::string> show_rows(const HealRequest& request, size_t count, const Hooks& hooks) {
  const HookScope scope(hooks);
  recipe::Settings settings = resolve_settings(request);
  const HealModels models = open_heal_models(request, settings);
  take_adapter(request, settings);
  const HealData data = read_heal_data(request, models, settings);
  const auto tokenizer = tokenizer_if_any(*request.model, request.tokens);  // without one ids are shown
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(count, data.rows.size()); ++i)
    out.push_back(data::show(data.rows[i], tokenizer.get()));
  return out;
}

Json heal_model(const HealRequest& request, const Hooks& hooks) {
  const auto run = prepare_heal(request, hooks);
  if (!run->finished()) run->train(hooks, [](const Json&) {});
  return run->report();
}

}  // namespace shorten::jobs
