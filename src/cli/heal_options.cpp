// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/heal.h"
#include "cli/option_names.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/units.h"
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
    CLI::Option* const option =
        std::visit(SettingOption(app, setting, o.request.settings), setting.kind)->group(heading);
    if (*setting.placeholder) option->type_name(setting.placeholder);
  }
}

// An empty name, of a variable that is not set for example, is not the same as none.
std::string not_empty(const std::string& name) { return name.empty() ? "an empty name" : ""; }

void add_data(CLI::App& app, HealOptions& o) {
  const std::string group = "Training data";
  app.add_option("--data", o.data, "files of rows or text, or self: the parent generates the text [self]")
      ->type_name("SOURCE")
      ->group(group);
  app.add_option("--samples", o.request.samples, "rows that --data self generates [as many as --steps uses, or 4096]")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24))
      ->group(group);
  add_settings(app, o, recipe::Group::kRows, group);
  app.add_flag("--train-on-prompt", o.request.train_on_prompt, "train on prompts too")->group(group);
  app.add_option("--show-data", o.show_data, "print the first N rows, showing which tokens count, and exit")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->group(group);
  add_tokenizer_option(app, o.request.tokens.tokenizer, group);
}

void add_learning(CLI::App& app, HealOptions& o) {
  const std::string group = "Method and objective";
  add_settings(app, o, recipe::Group::kMethod, group);
  app.add_option("--teacher", o.teacher, "the unpruned parent [the one shorten.json names]")
      ->check(not_empty)
      ->type_name("MODEL")
      ->group(group);
  add_settings(app, o, recipe::Group::kTeaching, group);
  add_settings(app, o, recipe::Group::kAdapter, group);
  app.add_option("--init-adapter", o.request.init_adapter, "start from this PEFT adapter")
      ->check(not_empty)
      ->type_name("DIR")
      ->group(group);
}

void add_steps(CLI::App& app, HealOptions& o) {
  const std::string group = "Steps and optimizer";
  app.add_option("--epochs", o.request.epochs, fmt::format("passes over all rows [{}]", jobs::kEpochs))
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
      ->check(not_empty)
      ->type_name("N|SOURCE")
      ->group(group);
  app.add_option("--text", o.request.texts, "a text whose perplexity each validation measures; may be repeated")
      ->type_name("NAME=SOURCE")
      ->group(group);
  add_settings(app, o, recipe::Group::kWatching, group);
  app.add_flag("--resume", o.request.resume, "continue an interrupted run")->group(group);
  app.add_flag("--no-merge", o.no_merge, "with lora: write the adapter only")->group(group);
}

}  // namespace

void add_heal_options(CLI::App& app, HealOptions& o) {
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

}  // namespace shorten::cli
