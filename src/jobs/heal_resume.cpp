// SPDX-License-Identifier: Apache-2.0
// Continuing a run: the request says what it was begun with, or what may change.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "jobs/heal_parts.h"
#include "jobs/outputs.h"
#include "recipe/settings_table.h"
#include "text/text_files.h"

namespace shorten::jobs {
namespace {

Error differs(const HealRequest& request, const std::string& what) {
  return usage_error("the run in this directory has " + what)
      .file(request.run)
      .help("leave it out, or start over with `force`");
}

std::vector<std::string> recorded_data(const Json& facts) {
  std::vector<std::string> out;
  for (const Json& source : facts.at("data")) {
    if (!source.contains("validation")) out.push_back(source.at("path").get<std::string>());
  }
  return out;
}

// Whether these are the sources of rows that were recorded, by their content: a name means something else in another
// folder.
bool same_data(const Json& sources, const HealRequest& request) {
  size_t at = 0;
  for (const Json& source : sources) {
    if (source.contains("validation")) continue;
    const bool self = source.at("kind") == "self";
    if (self != request.self_text()) return false;
    if (self) return true;
    if (at == request.data.size()) return false;
    if (text::read_text_files(request.data[at++], [](const text::TextFile&) {}) != source.at("sha256")) return false;
  }
  return at == request.data.size();
}

// `facts`, `asked` and `begun` are what was recorded.
void check_same(const HealRequest& request, const Json& facts, const Json& asked, const recipe::Settings& begun) {
  const JsonObject model(facts.at("model"), request.run);
  if (request.model->fingerprint() != model.string("fingerprint")) {
    throw differs(request, "another model")
        .field("model")
        .expected(model.string("path"))
        .found(request.model->dir().string());
  }
  if (!same_data(facts.at("data"), request)) {
    const std::vector<std::string> begun_with = recorded_data(facts);
    const std::vector<std::string> given = request.self_text() ? std::vector<std::string>{"self"} : request.data;
    throw differs(request, "other data")
        .field("data")
        .expected(fmt::format("{}", fmt::join(begun_with, " ")))
        .found(fmt::format("{}{}", fmt::join(given, " "), begun_with == given ? " with another content" : ""));
  }
  const Json now = asked_with(request);
  for (const auto& [name, value] : now.items()) {
    if (asked.at(name) == value) continue;
    throw differs(request, "another " + name).where(name).expected(asked.at(name).dump()).found(value.dump());
  }
  const recipe::Settings given = resolve_settings(request);
  if (const recipe::Setting* setting = recipe::first_difference(request.settings, given, begun)) {
    throw differs(request, "other settings")
        .field(setting->key)
        .expected(recipe::value_of(*setting, begun).dump())
        .found(recipe::value_of(*setting, given).dump());
  }
}

std::string tokenizer_name(text::TokenizerKind kind) {
  return kind == text::TokenizerKind::kJson            ? "json"
         : kind == text::TokenizerKind::kSentencePiece ? "sentencepiece"
                                                       : "auto";
}

}  // namespace

Json asked_with(const HealRequest& r) {
  const auto words = [](bool given, const auto& value) {
    return given ? Json::array({fmt::format("{}", value)}) : Json();
  };
  Json asked = {{"--epochs", words(r.epochs.has_value(), r.epochs.value_or(0))},
                {"--samples", words(r.samples.has_value(), r.samples.value_or(0))},
                {"--train-on-prompt", words(r.train_on_prompt, true)},
                {"--tokenizer", words(r.tokens.tokenizer.has_value(),
                                      tokenizer_name(r.tokens.tokenizer.value_or(text::TokenizerKind::kAuto)))}};
  // A relative name means something else in another folder.
  const auto place = [](const fs::path& path) { return path.empty() ? Json() : Json(real_path(path).string()); };
  asked["--teacher"] = place(r.teacher ? r.teacher->dir() : fs::path());
  asked["--init-adapter"] = place(r.init_adapter);
  asked["--validation"] = r.validation_rows ? Json(std::to_string(*r.validation_rows)) : Json("");
  if (!r.validation_file.empty()) asked["--validation"] = place(r.validation_file);
  asked["--text"] = Json::array();
  for (const std::string& text : r.texts) {
    const size_t name = text.find('=') + 1;
    asked["--text"].push_back(text.substr(0, name) + real_path(text.substr(name)).string());
  }
  return asked;
}

void check_same_run(const HealRequest& request, const SavedRun& run) {
  check_same(request, run.facts, run.asked, run.request.settings);
}

void check_same_report(const HealRequest& request, const Json& report) {
  check_same(request, report, report.at("asked"),
             recipe::settings_from_json(JsonObject(report, request.run / "heal.json").object("settings")));
}

void check_same_place(const HealRequest& request, const SavedRun& run) {
  const engine::ComputeOptions& begun = run.request.compute;
  const auto unchanged = [&](const char* field, bool same, const std::string& stored) {
    if (same) return;
    throw usage_error("the run in this directory was started differently")
        .file(request.run)
        .field(field)
        .expected(stored)
        .help("leave it out, or start over with `force`");
  };
  const PlaceRequest& place = request.place;
  unchanged("device", place.device.value_or(begun.device) == begun.device, begun.device);
  unchanged("dtype", place.dtype.value_or(begun.dtype) == begun.dtype, begun.dtype);
  unchanged("threads", place.threads.value_or(begun.threads) == begun.threads,
            begun.threads == 0 ? "one per core" : fmt::format("{}", begun.threads));
  const uint64_t seed = run.request.settings.seed;
  unchanged("seed", request.settings.seed.value_or(seed) == seed, fmt::format("{}", seed));
}

void check_only_changes(const HealRequest& r) {
  recipe::SettingsRequest about_training = r.settings;
  about_training.seed.reset();  // compared by itself
  std::string fixed;
  if (const recipe::Setting* setting = recipe::first_fixed(about_training)) fixed = setting->key;
  for (const auto& [field, given] : {std::pair("data", !r.data.empty()),
                                     {"samples", r.samples.has_value()},
                                     {"train_on_prompt", r.train_on_prompt},
                                     {"tokenizer", r.tokens.tokenizer.has_value()},
                                     {"teacher", r.teacher != nullptr},
                                     {"init_adapter", !r.init_adapter.empty()},
                                     {"epochs", r.epochs.has_value()},
                                     {"validation", r.validation_rows || !r.validation_file.empty()},
                                     {"texts", !r.texts.empty()}}) {
    if (given && fixed.empty()) fixed = field;
  }
  if (fixed.empty()) return;
  throw usage_error("a run keeps the settings it was started with")
      .field(fixed)
      .help("leave it out, or start over with `force`");
}

void take_changes(const HealRequest& request, engine::HealRequest& run) {
  if (!request.merge && run.settings.method == recipe::Method::kFull)
    throw usage_error("full training produces a model, not an adapter").field("no_merge").help("leave it out");
  if (!request.merge) run.merge = false;
  run.new_memory = recipe::take_changes(request.settings, run.settings);
}

}  // namespace shorten::jobs
