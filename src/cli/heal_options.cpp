// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/checkpoint.h"
#include "cli/heal.h"
#include "cli/option_names.h"
#include "core/error.h"
#include "core/units.h"
#include "peft/adapter.h"
#include "recipe/settings_table.h"

namespace shorten::cli {
namespace {

// Adds the option of one setting.
class SettingOption {
 public:
  SettingOption(CLI::App& app, const recipe::Setting& setting, recipe::SettingsRequest& request)
      : app_(app), request_(request), key_(setting.key), name_(option_name(setting.key)) {
    const std::string by_default = recipe::default_text(setting);
    help_ = with_option_names(setting.help + (by_default.empty() ? "" : fmt::format(" [{}]", by_default)));
  }

  CLI::Option* operator()(const recipe::Number& kind) const { return value(kind.at.asked); }
  CLI::Option* operator()(const recipe::Count& kind) const { return value(kind.at.asked); }
  CLI::Option* operator()(const recipe::NameList& kind) const { return one_word(value(kind.at.asked)); }
  CLI::Option* operator()(const recipe::NumberPair& kind) const {
    const auto take = [&request = request_, key = key_, asked = kind.asked](const std::vector<double>& given) {
      if (given.size() != 2) throw usage_error("not a pair of numbers").field(key).expected("two, e.g. 0.9,0.95");
      request.*asked = {given[0], given[1]};
    };
    return one_word(app_.add_option_function<std::vector<double>>(name_, take, help_));
  }
  CLI::Option* operator()(const recipe::Unsigned& kind) const {
    const auto take = [&request = request_, name = name_, kind](const std::string& given) {
      request.*kind.at.asked = kind.bytes ? parse_bytes(given, name) : parse_count(given, name);
    };
    return app_.add_option_function<std::string>(name_, take, help_);
  }
  CLI::Option* operator()(const recipe::Switch& kind) const {
    if (!kind.words.empty()) return word(kind.at.asked, kind.words);
    const bool turned = !(recipe::Settings().*kind.at.used);
    return app_.add_flag_callback(
        name_, [&request = request_, asked = kind.at.asked, turned] { request.*asked = turned; }, help_);
  }
  template <typename Value>
  CLI::Option* operator()(const recipe::Choice<Value>& kind) const {
    return word(kind.at.asked, kind.names);
  }

 private:
  template <typename Value>
  using Asked = std::optional<Value> recipe::SettingsRequest::*;

  template <typename Value>
  CLI::Option* value(Asked<Value> asked) const {
    return app_.add_option_function<Value>(
        name_, [&request = request_, asked](const Value& given) { request.*asked = given; }, help_);
  }

  template <typename Value>
  CLI::Option* word(Asked<Value> asked, std::span<const recipe::Named<Value>> known) const {
    const auto take = [&request = request_, key = key_, asked, known](const std::string& given) {
      for (const auto& [value, name] : known) {
        if (given != name) continue;
        request.*asked = value;
        return;
      }
      throw usage_error("not a known value").field(key).expected(recipe::names_of(known)).found(given);
    };
    return app_.add_option_function<std::string>(name_, take, help_);
  }

  // Values with commas between them.
  static CLI::Option* one_word(CLI::Option* option) { return option->delimiter(',')->allow_extra_args(false); }

  CLI::App& app_;
  recipe::SettingsRequest& request_;
  const char* key_;
  std::string name_, help_;
};

void add_settings(CLI::App& app, HealOptions& o, recipe::Group group, const std::string& heading) {
  for (const recipe::Setting& setting : recipe::settings_table()) {
    if (setting.group != group) continue;
    CLI::Option* const option = std::visit(SettingOption(app, setting, o.settings), setting.kind)->group(heading);
    if (*setting.placeholder) option->type_name(setting.placeholder);
  }
}

void add_data(CLI::App& app, HealOptions& o) {
  const std::string group = "Training data";
  app.add_option("--data", o.data, "files of rows or text, or self: the parent generates the text [self]")
      ->type_name("SOURCE")
      ->group(group);
  app.add_option("--samples", o.samples, "rows that --data self generates [as many as --steps uses, or 4096]")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24))
      ->group(group);
  add_settings(app, o, recipe::Group::kRows, group);
  app.add_flag("--train-on-prompt", o.train_on_prompt, "prompts count too")->group(group);
  app.add_option("--show-data", o.show_data, "print the first N rows with what counts, and stop")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->group(group);
  const auto take_tokenizer = [&o](const std::string& given) { o.tokenizer = o.text_options.tokenizer = given; };
  app.add_option_function<std::string>("--tokenizer", take_tokenizer, "auto, json or sentencepiece [auto]")
      ->type_name("KIND")
      ->group(group);
}

void add_learning(CLI::App& app, HealOptions& o) {
  const std::string group = "Method and objective";
  add_settings(app, o, recipe::Group::kMethod, group);
  app.add_option("--teacher", o.teacher, "the unpruned parent [the one shorten.json names]")
      ->type_name("MODEL")
      ->group(group);
  add_settings(app, o, recipe::Group::kTeaching, group);
  add_settings(app, o, recipe::Group::kAdapter, group);
  app.add_option("--init-adapter", o.init_adapter, "start from this PEFT adapter")->type_name("DIR")->group(group);
}

void add_steps(CLI::App& app, HealOptions& o) {
  const std::string group = "Steps and optimizer";
  app.add_option("--epochs", o.epochs, fmt::format("passes over all rows [{}]", kEpochs))
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31))
      ->group(group);
  for (const auto part : {recipe::Group::kSteps, recipe::Group::kOptimizer, recipe::Group::kMemory})
    add_settings(app, o, part, group);
  app.get_option("--steps")->excludes("--epochs");
}

void add_watching(CLI::App& app, HealOptions& o) {
  const std::string group = "Validation and saving";
  app.add_option("--validation", o.validation, "rows held out, or a file of them [5 %, at most 256]")
      ->type_name("N|SOURCE")
      ->group(group);
  app.add_option("--text", o.text, "a text whose perplexity each validation measures; may be repeated")
      ->type_name("NAME=SOURCE")
      ->group(group);
  add_settings(app, o, recipe::Group::kWatching, group);
  app.add_flag("--resume", o.resume, "continue an interrupted run")->group(group);
  app.add_flag("--no-merge", o.no_merge, "with lora: write the adapter only")->group(group);
}

// What can get an adapter in the model, by the last part of its name: q_proj.
std::vector<std::string> projections_of(const std::string& model) {
  const family::ModelSpec spec = family::read_spec(checkpoint::Checkpoint(checkpoint::resolve_model(model)));
  std::vector<std::string> names;
  for (const peft::AdaptedModule& module : peft::adaptable_modules(spec.blocks.at(0), spec.hidden))
    names.push_back(module.name.substr(module.name.rfind('.') + 1));
  return names;
}

}  // namespace

void add_heal_options(CLI::App& app, HealOptions& o) {
  o.app = &app;
  app.add_option("MODEL", o.model, "the model to train; with --resume alone the run directory")->required();
  add_data(app, o);
  add_learning(app, o);
  add_steps(app, o);
  add_watching(app, o);
  app.footer(
      "\nWithout data, the parent generates the text and acts as teacher:\n"
      "  shorten heal SHORTER -o RUN --method full --lr 5e-4\n"
      "The paper's recipe (LoRA on instructions):\n"
      "  shorten heal SHORTER -o RUN --data alpaca_data_cleaned.json --validation 2000\n"
      "After an interruption of any kind:\n"
      "  shorten heal --resume RUN\n"
      "\nRUN/model is the healed model, RUN/adapter a PEFT adapter for SHORTER.\n");
}

Json asked_with(const HealOptions& o) {
  // As a parser's results are: a list of words.
  const auto words = [](bool given, const auto& value) {
    return given ? Json::array({fmt::format("{}", value)}) : Json();
  };
  Json asked = {{"--epochs", words(o.epochs.has_value(), o.epochs.value_or(0))},
                {"--samples", words(o.samples.has_value(), o.samples.value_or(0))},
                {"--train-on-prompt", words(o.train_on_prompt, true)},
                {"--tokenizer", words(o.tokenizer.has_value(), o.tokenizer.value_or(""))}};
  // A relative name means something else in another folder.
  const auto place = [&](const char* option, const fs::path& path) {
    asked[option] = path.empty() ? Json() : Json(real_path(path).string());
  };
  place("--teacher", o.teacher.empty() ? fs::path() : checkpoint::resolve_model(o.teacher));
  place("--init-adapter", o.init_adapter);
  const bool number = o.validation.find_first_not_of("0123456789") == std::string::npos;
  asked["--validation"] = number ? Json(o.validation) : Json(real_path(o.validation).string());
  asked["--text"] = Json::array();
  for (const std::string& text : o.text) {
    const size_t name = text.find('=') + 1;
    asked["--text"].push_back(text.substr(0, name) + real_path(text.substr(name)).string());
  }
  return asked;
}

recipe::Settings resolve_settings(const HealOptions& o, uint64_t seed) {
  const bool self = o.self();
  if (!self && std::count(o.data.begin(), o.data.end(), "self") > 0) {
    throw usage_error("text of the parent's own is not mixed with files")
        .where("--data")
        .expected("self alone, or files")
        .found(fmt::format("{}", fmt::join(o.data, " ")));
  }
  recipe::SettingsRequest request = o.settings;
  request.seed = seed;
  const recipe::Settings s = recipe::resolve(request, {self, projections_of(o.model)});
  const auto only = [](bool applies, bool given, const char* option, const char* when) {
    if (given && !applies) throw usage_error("an option that has no use here").where(option).expected(when);
  };
  const bool lora = s.method == recipe::Method::kLora, kd = s.objective == recipe::Objective::kKd;
  only(lora, !o.init_adapter.empty(), "--init-adapter", "only with --method lora");
  only(lora, o.no_merge, "--no-merge", "only with --method lora");
  only(kd || self, !o.teacher.empty(), "--teacher", "only with --objective kd");
  only(self, o.samples.has_value(), "--samples", "only with --data self");
  only(!self, o.train_on_prompt, "--train-on-prompt", "only with rows that have a prompt");
  return s;
}

}  // namespace shorten::cli
