// SPDX-License-Identifier: Apache-2.0
// Healing: trains what is left of a model, on rows of files or on text that its unpruned parent generates, and writes
// an adapter and a model (docs/healing.md). All of a run lies in one folder, from which it can be continued.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "engine/engine.h"
#include "jobs/text.h"
#include "recipe/request.h"

namespace shorten::jobs {

// Where to compute, as far as it was asked for. A run that is continued stays where it was begun.
struct PlaceRequest {
  std::optional<std::string> device, dtype;
  std::optional<int> threads;

  engine::ComputeOptions options() const;
};

inline constexpr int64_t kEpochs = 2;  // where neither epochs nor steps are asked for

// What is absent is decided by the method, by the rows, or by docs/healing.md.
struct HealRequest {
  family::ModelPtr model;
  family::ModelPtr teacher;  // the unpruned parent; null: the one that the record of the model names

  std::vector<std::string> data;   // files of rows or text; empty: the parent generates the text
  std::optional<int64_t> samples;  // rows that it generates
  bool train_on_prompt = false;
  std::optional<int64_t> validation_rows;  // held out of the rows
  std::string validation_file;             // or these; empty: none
  std::vector<std::string> texts;          // NAME=SOURCE: whose perplexity each validation measures
  TextRequest tokens;

  std::optional<int64_t> epochs;  // instead of settings.steps
  recipe::SettingsRequest settings;
  fs::path init_adapter;  // a PEFT adapter to start from; empty: none
  bool merge = true;      // with LoRA: write the merged model too
  PlaceRequest place;

  fs::path run;                      // the folder of the run
  bool force = false;                // replace a run that is there
  bool resume = false;               // continue it
  std::vector<std::string> command;  // recorded

  bool self_text() const { return data.empty(); }
};

// A run that can be trained, or has been.
class HealRun {
 public:
  virtual ~HealRun() = default;
  virtual const fs::path& path() const = 0;
  virtual bool finished() const = 0;       // there is nothing left to do
  virtual const Json& report() const = 0;  // heal.json of docs/formats.md. REQUIRES finished()
  // Trains to the end and writes what comes out. `before_commit` is called with the report just before heal.json
  // appears. Throws interrupted when hooks.stop was asked and the state is saved; diverged, no_space.
  virtual void train(const Hooks& hooks, const std::function<void(const Json& report)>& before_commit) = 0;
  virtual bool can_continue(const Error& error) const = 0;  // after train() has thrown it: with `resume`
};

// Reads or generates the rows, checks everything and makes the folder of the run; or opens the one that is there.
// Throws usage_error naming the field.
std::unique_ptr<HealRun> prepare_heal(const HealRequest& request, const Hooks& hooks = {});

// Continues the run in `folder` with what it was begun with, but for what `changes` says of memory and merging.
std::unique_ptr<HealRun> resume_heal(const fs::path& folder, const HealRequest& changes, const Hooks& hooks = {});

// The first `count` rows as docs/formats.md shows them; nothing is written.
std::vector<std::string> show_rows(const HealRequest& request, size_t count, const Hooks& hooks = {});

// prepare_heal and train in one: heal.json.
Json heal_model(const HealRequest& request, const Hooks& hooks = {});

}  // namespace shorten::jobs
