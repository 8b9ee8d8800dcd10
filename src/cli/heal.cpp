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
#include "plan/peft_adapter.h"
#include "text/text_files.h"

namespace shorten::cli {
namespace {

// Rank, alpha and targets are the adapter's own.
void take_adapter(const HealOptions& o, const HealModels& models, recipe::Settings& s) {
  if (o.init_adapter.empty()) return;
  for (const char* option : {"--rank", "--alpha", "--targets"}) {
    if (o.given(option))
      throw usage_error("the adapter says this already").where(option).help("leave it out with --init-adapter");
  }
  const plan::AdapterConfig config = plan::open_adapter(o.init_adapter, models.spec, models.fingerprint).config;
  s.rank = config.rank;
  s.alpha = config.alpha;
  s.rank_stabilised = config.rank_stabilised;
  s.targets = config.targets;
}

void show(const HealOptions& o, const HealModels& models, const HealData& data) {
  const auto tokenizer = tokenizer_if_any(models.model, o.text_options);  // without one ids are shown
  for (size_t i = 0; i < std::min(static_cast<size_t>(o.show_data), data.rows.size()); ++i)
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

// Options that may change when a run goes on: how much is computed at once, which is a matter of memory, and whether
// the merged model is written.
constexpr const char* kFree[] = {"--micro-batch", "--max-memory", "--recompute", "--no-merge"};

bool may_change(const std::string& option) {
  return std::find(std::begin(kFree), std::end(kFree), option) != std::end(kFree);
}

// Whether these are the sources of rows that were recorded: under the same names, or, seen from another folder, with
// the same content.
bool same_data(const Json& sources, const std::vector<std::string>& given) {
  size_t at = 0;
  for (const Json& source : sources) {
    if (source.contains("validation")) continue;
    if (at == given.size()) return false;
    const fs::path path = given[at++], begun = source.at("path").get<std::string>();
    if (path.lexically_normal() == begun.lexically_normal()) continue;
    if (path == "self" || begun == "self") return false;
    if (text::read_text_files(path.string(), [](const text::TextFile&) {}) != source.at("sha256")) return false;
  }
  return at == given.size();
}

// Throws unless the command of a run that goes on, or has ended, says of model, data and settings what it was begun
// with. `facts`, `asked` and `begun` are what was recorded.
void check_same(const HealOptions& o, const CommonOptions& common, const Json& facts, const Json& asked,
                const recipe::Settings& begun) {
  const auto differs = [&](const std::string& what, const std::string& where, const std::string& expected,
                           const std::string& found) {
    return usage_error("the run in this directory has " + what)
        .file(common.output)
        .where(where)
        .expected(expected)
        .found(found)
        .help("leave the option out, or start anew with --force");
  };
  const fs::path model = fs::absolute(checkpoint::resolve_model(o.model));
  const auto begun_with = facts.at("model").at("path").get<std::string>();
  std::error_code elsewhere;  // where the path leads nowhere from here
  const bool same_place = fs::equivalent(model, begun_with, elsewhere);
  if (!same_place && checkpoint::Checkpoint(model).fingerprint() != facts.at("model").at("fingerprint"))
    throw differs("another model", "MODEL", begun_with, model.string());
  std::vector<std::string> data;
  for (const Json& source : facts.at("data")) {
    if (!source.contains("validation")) data.push_back(source.at("path").get<std::string>());
  }
  const std::vector<std::string> given_data = o.self() ? std::vector<std::string>{"self"} : o.data;
  if (!same_data(facts.at("data"), given_data))
    throw differs("other data", "--data", fmt::format("{}", fmt::join(data, " ")),
                  fmt::format("{}", fmt::join(given_data, " ")));
  const Json now = asked_with(o);
  for (const auto& [option, value] : now.items()) {
    if (asked.at(option) != value) throw differs("another " + option, option, asked.at(option).dump(), value.dump());
  }
  Json given = recipe::to_json(resolve_settings(o, common.seed)), stored = recipe::to_json(begun);
  for (const char* derived : {"steps", "warmup", "length", "rank", "alpha", "targets", "rank_stabilised"}) {
    const std::string option = std::string("--") + derived;
    if (derived == std::string_view("rank_stabilised") || !o.given(option)) given[derived] = stored[derived];
  }
  for (const char* free : {"micro_batch", "max_memory", "recompute"}) given[free] = stored[free];
  for (const auto& [key, value] : stored.items()) {
    if (given.at(key) != value) throw differs("other settings", key, value.dump(), given.at(key).dump());
  }
}

// The same of a run that is not over; and of RUN alone, which takes no option about the training but those that may
// change.
void check_resumed(const HealOptions& o, const CommonOptions& common, const HealRun& run) {
  const bool alone = common.output.empty();
  for (const CLI::Option* option : o.app->get_options()) {
    const std::string name = option->get_name();
    const bool about_training = option->count() > 0 && option->get_group() != "Common options" && name != "--resume" &&
                                name != "MODEL" && !may_change(name);
    if (alone && about_training) {
      throw usage_error("a run goes on with what it was begun with")
          .where(name)
          .help("leave the option out, or start anew with MODEL and -o RUN --force");
    }
  }
  const ComputeOptions &asked = common.compute, &stored_compute = run.request.compute;
  const auto unchanged = [&](const char* option, bool same, const std::string& stored) {
    if (!o.given(option) || same) return;
    throw usage_error("the run in this directory was begun in another way")
        .file(run.request.run)
        .where(option)
        .expected(stored)
        .help("leave the option out, or start anew with --force");
  };
  unchanged("--device", asked.device == stored_compute.device, stored_compute.device);
  unchanged("--dtype", asked.dtype == stored_compute.dtype, stored_compute.dtype);
  unchanged("--threads", asked.threads == stored_compute.threads,
            stored_compute.threads == 0 ? "one a core" : fmt::format("{}", stored_compute.threads));
  unchanged("--seed", common.seed == run.request.settings.seed, fmt::format("{}", run.request.settings.seed));
  if (alone) return;
  check_same(o, common, run.facts, run.asked, run.request.settings);
}

// What was given of them counts from now on.
void take_changes(const HealOptions& o, HealRequest& request) {
  if (o.no_merge && request.settings.method == recipe::Method::kFull)
    throw usage_error("full training makes a model, and no adapter").where("--no-merge").help("leave the option out");
  if (o.no_merge) request.merge = false;
  const recipe::Settings given = resolve_settings(o, request.settings.seed);
  recipe::Settings& s = request.settings;
  const recipe::Settings before = s;
  const auto fixed = [&](const char* option, bool same) {
    if (!s.average_micro || !o.given(option) || same) return;
    throw usage_error("with --loss-average micro the loss depends on the micro-batch")
        .where(option)
        .help("leave the option as it was, or start anew with --force");
  };
  fixed("--micro-batch", given.micro_batch == s.micro_batch);
  fixed("--max-memory", given.max_memory == s.max_memory);
  if (o.given("--micro-batch")) s.micro_batch = given.micro_batch;
  if (o.given("--max-memory")) s.max_memory = given.max_memory;
  if (o.given("--recompute")) s.recompute = given.recompute;
  request.new_memory =
      s.micro_batch != before.micro_batch || s.max_memory != before.max_memory || s.recompute != before.recompute;
}

// What a run says that has ended.
void show_finished(const HealOptions& o, const CommonOptions& common, RunDirectory& directory) {
  const fs::path file = directory.path() / "heal.json";
  const Json report = directory.report();
  try {
    if (!common.output.empty())
      check_same(o, common, report, report.at("asked"),
                 recipe::settings_from_json(JsonObject(report, file).object("settings")));
    const std::string table = heal_table(report, directory.path());
    directory.finish();  // in case it was killed meanwhile
    write_stdout(common.json ? readable_json(report) : "finished already\n" + table);
  } catch (const Json::exception& e) {
    throw bad_input("the report of the run is damaged").file(file).found(e.what());
  }
}

void run_heal(const HealOptions& o, const CommonOptions& common) {
  if (o.show_data > 0) {
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
