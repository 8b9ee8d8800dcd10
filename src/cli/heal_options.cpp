// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/heal.h"
#include "core/error.h"
#include "core/units.h"
#include "recipe/names.h"

namespace shorten::cli {
namespace {

constexpr recipe::Named<bool> kKept[] = {{false, "last"}, {true, "best"}};

void add_learning(CLI::App& app, HealOptions& o) {
  const std::string group = "What is learnt";
  recipe::Settings& s = o.settings;
  app.add_option("--method", o.method, "lora or full [lora]")->type_name("METHOD")->group(group);
  app.add_option("--objective", o.objective, "ce or kd [kd with --data self, else ce]")
      ->type_name("OBJECTIVE")
      ->group(group);
  app.add_option("--teacher", o.teacher, "the unpruned parent [the one shorten.json names]")
      ->type_name("MODEL")
      ->group(group);
  app.add_option("--kd-weight", s.kd_weight, "share of kd beside ce, 0 to 1 [1]")->type_name("W")->group(group);
  app.add_option("--temperature", s.temperature, "of both distributions in kd [1]")->type_name("T")->group(group);
  app.add_option("--hidden-weight", s.hidden_weight, "of matching the parent's hidden states [0]")
      ->type_name("C")
      ->group(group);
  app.add_option("--rank", s.rank, "of the adapters [8]")->type_name("R")->group(group);
  app.add_option("--alpha", s.alpha, "adapters are scaled by alpha / rank [16]")->type_name("A")->group(group);
  app.add_option("--dropout", s.dropout, "in front of the adapters [0.05]")->type_name("P")->group(group);
  app.add_option("--targets", o.targets, "projections that get adapters, e.g. q_proj,v_proj [all seven]")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--init-adapter", o.init_adapter, "go on from this PEFT adapter")->type_name("DIR")->group(group);
}

void add_data(CLI::App& app, HealOptions& o) {
  const std::string group = "What it is learnt from";
  app.add_option("--data", o.data, "files of rows or text, or self: what the parent writes [self]")
      ->type_name("SOURCE")
      ->group(group);
  app.add_option("--samples", o.samples, "rows that --data self writes [as many as --steps uses, or 4096]")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24))
      ->group(group);
  app.add_option("--length", o.settings.length, "tokens of a row at most [256]")
      ->type_name("N")
      ->check(CLI::Range(2, 1 << 24))
      ->group(group);
  app.add_flag("--train-on-prompt", o.train_on_prompt, "prompts count too")->group(group);
  app.add_flag("--no-shuffle", o.no_shuffle, "rows in the order they come")->group(group);
  app.add_flag("--no-pack", o.no_pack, "pad rows instead of packing them")->group(group);
  app.add_option("--show-data", o.show_data, "print the first N rows with what counts, and stop")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->group(group);
  app.add_option("--tokenizer", o.text_options.tokenizer, "auto, json or sentencepiece [auto]")
      ->type_name("KIND")
      ->group(group);
}

void add_steps(CLI::App& app, HealOptions& o) {
  const std::string group = "Steps";
  recipe::Settings& s = o.settings;
  const auto count = [&](const char* name, int64_t& value, const char* help, int64_t low) {
    return app.add_option(name, value, help)->type_name("N")->check(CLI::Range(low, int64_t{1} << 31))->group(group);
  };
  count("--epochs", o.epochs, "times that all rows are seen [2]", 1);
  count("--steps", s.steps, "steps instead of epochs", 1)->excludes("--epochs");
  count("--batch", s.batch, "rows of a step [64]", 1);
  count("--micro-batch", s.micro_batch, "rows at once [as memory allows]", 1);
  app.add_option("--loss-average", o.average,
                 "batch: its mean is the loss; micro: that of the means of its micro-batches [batch]")
      ->type_name("KIND")
      ->group(group);
  app.add_option("--lr", s.lr, "learning rate [1e-4]")->type_name("RATE")->group(group);
  app.add_option("--schedule", o.schedule, "linear, cosine or constant [lora: linear, full: cosine]")
      ->type_name("CURVE")
      ->group(group);
  app.add_option("--min-lr-ratio", s.min_lr_ratio, "the last rate as a share of --lr [0]")
      ->type_name("R")
      ->group(group);
  count("--warmup", s.warmup, "steps until the full rate [100; with --data self at most a tenth of all]", 0);
  app.add_option("--betas", o.betas, "of AdamW [lora: 0.9,0.999; full: 0.9,0.95]")
      ->type_name("B1,B2")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--weight-decay", s.weight_decay, "of matrices [lora: 0, full: 0.1]")->type_name("D")->group(group);
  app.add_option("--clip", s.clip, "largest norm of the gradient [1]")->type_name("NORM")->group(group);
  app.add_option("--recompute", o.recompute, "auto, on or off: compute blocks again to save memory [auto]")
      ->type_name("WHEN")
      ->group(group);
  app.add_option("--max-memory", o.max_memory, "use no more, e.g. 20GB [what is free]")
      ->type_name("BYTES")
      ->group(group);
}

void add_watching(CLI::App& app, HealOptions& o) {
  const std::string group = "Watching and keeping";
  recipe::Settings& s = o.settings;
  const auto count = [&](const char* name, int64_t& value, const char* help) {
    app.add_option(name, value, help)->type_name("N")->check(CLI::Range(int64_t{1}, int64_t{1} << 31))->group(group);
  };
  app.add_option("--validation", o.validation, "rows held out, or a file of them [5 %, at most 256]")
      ->type_name("N|SOURCE")
      ->group(group);
  app.add_option("--text", o.text, "a text whose perplexity each validation measures; may be repeated")
      ->type_name("NAME=SOURCE")
      ->group(group);
  count("--eval-every", s.eval_every, "steps between two validations [100]");
  count("--early-stop", s.patience, "stop after N validations without a better one");
  app.add_option("--keep", o.keep, "last or best: whose weights come out [last]")->type_name("WHICH")->group(group);
  count("--save-every", s.save_every, "steps between two saved states [100]");
  app.add_flag("--resume", o.resume, "go on with a run that was interrupted")->group(group);
  app.add_flag("--no-merge", o.no_merge, "lora: write the adapter only")->group(group);
}

template <typename Value, size_t n>
Value choose(const std::string& option, const std::string& given, const recipe::Named<Value> (&known)[n]) {
  std::string names;
  for (const auto& [value, name] : known) {
    if (given == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw usage_error("not a known value").where(option).expected(names).found(given);
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
      "\nWithout data of your own the parent writes the text and teaches:\n"
      "  shorten heal SHORTER -o RUN --method full --lr 5e-4\n"
      "The paper's recipe (LoRA on instructions):\n"
      "  shorten heal SHORTER -o RUN --data alpaca_data_cleaned.json --validation 2000\n"
      "After an interruption, whatever it was:\n"
      "  shorten heal --resume RUN\n"
      "\nRUN/model is the healed model, RUN/adapter a PEFT adapter for SHORTER.\n");
}

Json asked_with(const HealOptions& o) {
  constexpr const char* kOptions[] = {"--epochs", "--samples", "--train-on-prompt", "--tokenizer"};
  Json asked = Json::object();
  for (const char* option : kOptions) {
    const CLI::Option* const given = o.app->get_option(option);
    asked[option] = given->count() > 0 ? Json(given->results()) : Json();
  }
  // A relative name means something else in another folder.
  const auto place = [&](const char* option, const fs::path& path) {
    asked[option] = o.given(option) ? Json(real_path(path).string()) : Json();
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
  recipe::Settings s = o.settings;
  s.seed = seed;
  s.method = choose("--method", o.method, recipe::kMethods);
  const bool full = s.method == recipe::Method::kFull;
  const bool self = o.self();
  if (!self && std::count(o.data.begin(), o.data.end(), "self") > 0) {
    throw usage_error("text of the parent's own is not mixed with files")
        .where("--data")
        .expected("self alone, or files")
        .found(fmt::format("{}", fmt::join(o.data, " ")));
  }
  s.objective = self ? recipe::Objective::kKd : recipe::Objective::kCe;
  if (!o.objective.empty()) s.objective = choose("--objective", o.objective, recipe::kObjectives);
  s.schedule = full ? recipe::Curve::kCosine : recipe::Curve::kLinear;
  if (!o.schedule.empty()) s.schedule = choose("--schedule", o.schedule, recipe::kCurves);
  s.recompute = choose("--recompute", o.recompute, recipe::kRecompute);
  s.average_micro = choose("--loss-average", o.average, recipe::kAverages);
  s.keep_best = choose("--keep", o.keep, kKept);
  s.shuffle = !o.no_shuffle;
  s.pack = !o.no_pack;
  if (full && !o.given("--betas")) s.beta2 = 0.95;
  if (full && !o.given("--weight-decay")) s.weight_decay = 0.1;
  if (o.given("--betas")) {
    if (o.betas.size() != 2)
      throw usage_error("not a pair of numbers").where("--betas").expected("B1,B2, e.g. 0.9,0.95");
    s.beta1 = o.betas[0];
    s.beta2 = o.betas[1];
  }
  if (!o.targets.empty()) {
    const std::vector<std::string> known = recipe::Settings().targets;
    s.targets.clear();
    for (const std::string& target : known) {
      if (std::count(o.targets.begin(), o.targets.end(), target)) s.targets.push_back(target);
    }
    for (const std::string& target : o.targets) {
      if (std::count(known.begin(), known.end(), target) == 0)
        throw usage_error("not a projection")
            .where("--targets")
            .expected(fmt::format("{}", fmt::join(known, ", ")))
            .found(target);
    }
  }
  if (!o.max_memory.empty()) s.max_memory = parse_bytes(o.max_memory, "--max-memory");
  const auto only = [&](bool applies, const char* option, const char* when) {
    if (o.given(option) && !applies) throw usage_error("an option that has no use here").where(option).expected(when);
  };
  for (const char* option : {"--rank", "--alpha", "--dropout", "--targets", "--init-adapter", "--no-merge"})
    only(!full, option, "only with --method lora");
  for (const char* option : {"--kd-weight", "--temperature", "--hidden-weight", "--teacher"})
    only(s.objective == recipe::Objective::kKd || (self && std::string_view(option) == "--teacher"), option,
         "only with --objective kd");
  only(self, "--samples", "only with --data self");
  only(!self, "--train-on-prompt", "only with rows that have a prompt");
  only(!s.average_micro, "--no-pack", "only with --loss-average batch: micro does not pack");
  only(s.schedule != recipe::Curve::kConstant, "--min-lr-ratio", "only with a schedule that falls");
  if (s.average_micro && s.micro_batch == 0) {
    throw usage_error("the loss would depend on the memory that is free")
        .where("--loss-average")
        .expected("--micro-batch beside it: whose means are averaged");
  }
  if (s.objective == recipe::Objective::kCe) s.kd_weight = 0;
  recipe::check_settings(s);
  return s;
}

}  // namespace shorten::cli
