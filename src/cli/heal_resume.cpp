// SPDX-License-Identifier: Apache-2.0
// Going on with a run: the command says what it was begun with, or what may change.
#include <fmt/format.h>

#include "checkpoint/checkpoint.h"
#include "cli/heal.h"
#include "cli/option_names.h"
#include "core/error.h"
#include "core/json_text.h"
#include "recipe/settings_table.h"
#include "text/text_files.h"

namespace shorten::cli {
namespace {

// The first option given that says what the run was begun with already; empty without one. What may change is not among
// them.
std::string fixed_option(const HealOptions& o) {
  if (const recipe::Setting* setting = recipe::first_fixed(o.settings)) return option_name(setting->key);
  for (const auto& [option, given] : {std::pair("--data", !o.data.empty()),
                                      {"--samples", o.samples.has_value()},
                                      {"--train-on-prompt", o.train_on_prompt},
                                      {"--tokenizer", o.tokenizer.has_value()},
                                      {"--teacher", !o.teacher.empty()},
                                      {"--init-adapter", !o.init_adapter.empty()},
                                      {"--epochs", o.epochs.has_value()},
                                      {"--validation", !o.validation.empty()},
                                      {"--text", !o.text.empty()}}) {
    if (given) return option;
  }
  return "";
}

// Whether these are the sources of rows that were recorded, by their content: a name means something else in another
// folder.
bool same_data(const Json& sources, const std::vector<std::string>& given) {
  size_t at = 0;
  for (const Json& source : sources) {
    if (source.contains("validation")) continue;
    if (at == given.size()) return false;
    const std::string& path = given[at++];
    const bool self = source.at("kind") == "self";
    if (self != (path == "self")) return false;
    if (!self && text::read_text_files(path, [](const text::TextFile&) {}) != source.at("sha256")) return false;
  }
  return at == given.size();
}

// Throws unless the command of a run that goes on, or has ended, says of model, data and settings what it was begun
// with. `facts`, `asked` and `begun` are what was recorded; `checked` is the model's place where its content is known
// to be what was recorded, because to read it again takes a while.
void check_same(const HealOptions& o, const CommonOptions& common, const Json& facts, const Json& asked,
                const recipe::Settings& begun, const fs::path& checked = {}) {
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
  const JsonObject begun_with(facts.at("model"), common.output);
  std::error_code elsewhere;
  if (!fs::equivalent(model, checked, elsewhere) &&
      checkpoint::Checkpoint(model).fingerprint() != begun_with.string("fingerprint"))
    throw differs("another model", "MODEL", begun_with.string("path"), model.string());
  std::vector<std::string> data;
  for (const Json& source : facts.at("data")) {
    if (!source.contains("validation")) data.push_back(source.at("path").get<std::string>());
  }
  const std::vector<std::string> given_data = o.self() ? std::vector<std::string>{"self"} : o.data;
  if (!same_data(facts.at("data"), given_data)) {
    throw differs("other data", "--data", fmt::format("{}", fmt::join(data, " ")),
                  fmt::format("{}{}", fmt::join(given_data, " "), data == given_data ? " with another content" : ""));
  }
  const Json now = asked_with(o);
  for (const auto& [option, value] : now.items()) {
    if (asked.at(option) != value) throw differs("another " + option, option, asked.at(option).dump(), value.dump());
  }
  const recipe::Settings given = resolve_settings(o, common.seed);
  if (const recipe::Setting* setting = recipe::first_difference(o.settings, given, begun)) {
    throw differs("other settings", "", recipe::value_of(*setting, begun).dump(),
                  recipe::value_of(*setting, given).dump())
        .field(setting->key);
  }
}

}  // namespace

// Of RUN alone, which takes no option about the training but those that may change, and of a whole command.
void check_resumed(const HealOptions& o, const CommonOptions& common, const HealRun& run) {
  const bool alone = common.output.empty();
  if (const std::string fixed = fixed_option(o); alone && !fixed.empty()) {
    throw usage_error("a run goes on with what it was begun with")
        .where(fixed)
        .help("leave the option out, or start anew with MODEL and -o RUN --force");
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
  check_same(o, common, run.facts, run.asked, run.request.settings, run.request.model);
}

void take_changes(const HealOptions& o, HealRequest& request) {
  if (o.no_merge && request.settings.method == recipe::Method::kFull)
    throw usage_error("full training makes a model, and no adapter").where("--no-merge").help("leave the option out");
  if (o.no_merge) request.merge = false;
  request.new_memory = recipe::take_changes(o.settings, request.settings);
}

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

}  // namespace shorten::cli
