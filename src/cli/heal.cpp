// SPDX-License-Identifier: Apache-2.0
#include "cli/heal.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/checkpoint.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/utf8.h"
#include "core/version.h"
#include "data/show.h"
#include "peft/adapter.h"
#include "recipe/settings_table.h"

namespace shorten::cli {
namespace {

// Rank, alpha and targets are the adapter's own.
void take_adapter(const HealOptions& o, const HealModels& models, recipe::Settings& s) {
  if (o.init_adapter.empty()) return;
  for (const char* key : {"rank", "alpha", "targets"}) {
    if (recipe::is_asked(recipe::find_setting(key), o.settings))
      throw usage_error("the adapter says this already").field(key).help("leave it out with `init_adapter`");
  }
  const peft::AdapterConfig config = peft::open_adapter(o.init_adapter, models.spec, models.fingerprint).config;
  s.rank = config.rank;
  s.alpha = config.alpha;
  s.rank_stabilised = config.rank_stabilised;
  s.targets = config.targets;
}

void show(const HealOptions& o, const HealModels& models, const HealData& data) {
  const auto tokenizer = tokenizer_if_any(models.model, o.text_options);  // without one ids are shown
  for (size_t i = 0; i < std::min(static_cast<size_t>(*o.show_data), data.rows.size()); ++i)
    write_stdout(fmt::format("{}row {}\n{}", i == 0 ? "" : "\n", i, data::show(data.rows[i], tokenizer.get())));
}

HealRun prepare(const HealOptions& o, const CommonOptions& common, RunDirectory* directory) {
  recipe::Settings settings = resolve_settings(o, common.seed);
  recipe::check_training_dtype(common.compute.dtype);
  const bool self = o.self();
  fs::path parent;
  std::string parent_fingerprint;
  const HealModels models =
      open_heal_models(o, settings.objective == recipe::Objective::kKd, self, parent, parent_fingerprint);
  take_adapter(o, models, settings);
  if (directory) {
    std::vector<fs::path> inputs = {models.model};
    if (!self) inputs.insert(inputs.end(), o.data.begin(), o.data.end());
    if (!parent.empty()) inputs.push_back(parent);
    if (!o.init_adapter.empty()) inputs.emplace_back(o.init_adapter);
    directory->check(common.force, inputs);
  }
  HealData data = read_heal_data(o, models, parent, parent_fingerprint, settings, common);
  if (!directory) {
    show(o, models, data);
    return {};
  }
  HealRun run;
  run.facts = {{"argv", common.argv},
               {"model", {{"path", o.model}, {"fingerprint", models.fingerprint}}},
               {"teacher", models.teacher.empty()
                               ? Json()
                               : Json{{"path", models.teacher.string()}, {"fingerprint", models.teacher_fingerprint}}},
               {"data", data.sources},
               {"rows", data.rows.size()},
               {"rows_sha256", data::examples_sha256(data.rows)},
               {"validation_rows", data.validation.size()}};
  run.asked = asked_with(o);
  HealRequest& r = run.request;
  r.model = fs::absolute(models.model);
  if (!models.teacher.empty()) r.teacher = fs::absolute(models.teacher);
  r.kept = models.kept;
  r.settings = settings;
  r.rows = std::move(data.rows);
  r.validation = std::move(data.validation);
  r.texts = std::move(data.texts);
  if (!o.init_adapter.empty()) r.init_adapter = fs::absolute(o.init_adapter);
  r.run = directory->path();
  r.fingerprint = models.fingerprint;
  r.merge = !o.no_merge;
  r.compute = common.compute;
  r.record = {{"format", "shorten.healed"},  {"version", 1},
              {"shorten_version", kVersion}, {"argv", common.argv},
              {"source", models.source},     {"settings", recipe::to_json(settings)}};
  directory->create();
  try {
    directory->save(run);
  } catch (const Error&) {  // a full disk: there is nothing to go on with
    directory->discard();
    throw;
  }
  return run;
}

// What a run is begun with is kept as JSON, to be gone on with.
void check_recordable(const CommonOptions& common) {
  std::vector<std::string> words = common.argv;
  words.push_back(fs::current_path().string());
  for (const std::string& word : words) {
    if (find_invalid_utf8(word) == std::string::npos) continue;
    throw usage_error("a name that cannot be recorded for going on with the run")
        .expected("UTF-8 in the command and in the path of this folder")
        .found(printable(word, 200));
  }
}

void run_heal(const HealOptions& o, const CommonOptions& common) {
  if (o.show_data) {
    prepare(o, common, nullptr);
    return;
  }
  fs::path path = common.output.empty() && o.resume ? fs::path(o.model) : fs::path(common.output);
  check_recordable(common);
  if (path.empty()) throw usage_error("where does the run go?").expected("-o RUN, a folder for all that the run makes");
  if (!path.has_filename()) path = path.parent_path();  // RUN/
  RunDirectory directory(path);
  HealRun run;
  bool fresh = false, started = false;
  if (o.resume && directory.resumable()) {
    run = directory.load();
    check_resumed(o, common, run);
    take_changes(o, run.request);
  } else if (o.resume && directory.finished()) {
    show_finished(o, common, directory);
    return;
  } else if (o.resume && common.output.empty()) {
    throw bad_input("there is no run to go on with")
        .file(path)
        .expected("state/run.json")
        .help("start it with MODEL and -o RUN");
  } else {
    run = prepare(o, common, &directory);
    fresh = true;
  }

  HealLog log(path, run.request);
  const StopRequest stop;
  recipe::Hooks hooks;
  hooks.on_start = [&](int64_t done, const recipe::Measured& before) {
    started = true;
    if (done == 0) directory.remove_outputs();
    log.start(done, before);
  };
  hooks.on_step = [&](const recipe::StepRecord& record) { log.step(record); };
  hooks.before_save = [&] { log.sync(); };
  hooks.stop = [&] { return stop.requested(); };
  try {
    const HealResponse response = engine().heal(run.request, hooks);
    const Json report = log.finish(run, response);
    StagedFile file(path / "heal.json", readable_json(report), true);
    write_stdout(common.json ? readable_json(report) : heal_table(report, path));
    file.commit();
  } catch (Error& error) {
    if (error.message() == "out of memory")
      error.help("compute less at once: --micro-batch 1, --recompute on, or a smaller --max-memory");
    if (fresh && !started && error.code() != ExitCode::kInterrupted) {  // nothing is worth going on with
      directory.discard();
      throw;
    }
    const bool can_go_on = error.code() == ExitCode::kInterrupted || error.code() == ExitCode::kNoSpace;
    if (can_go_on) {
      const std::string before =
          error.code() == ExitCode::kNoSpace && !error.help().empty() ? error.help() + "; then " : "";
      error.help(fmt::format("{}go on with: shorten heal --resume {}", before, path.string()));
    }
    throw;
  }
  directory.finish();
}

}  // namespace

std::function<void()> setup_heal(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<HealOptions>();
  add_heal_options(app, *o);
  return [o, &common] { run_heal(*o, common); };
}

}  // namespace shorten::cli
