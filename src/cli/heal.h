// SPDX-License-Identifier: Apache-2.0
// The parts of `shorten heal`: what was asked, what is trained on what, the run directory, and what is shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"
#include "cli/text_options.h"
#include "family/spec.h"
#include "recipe/request.h"

namespace shorten::cli {

inline constexpr int64_t kEpochs = 2;

struct HealOptions {
  std::string model, teacher, init_adapter, validation;  // empty where they were not given, as the lists are
  std::vector<std::string> data, text;
  recipe::SettingsRequest settings;
  std::optional<int64_t> epochs, samples, show_data;
  std::optional<std::string> tokenizer;  // as in text_options, where it was given
  bool train_on_prompt = false, resume = false, no_merge = false;
  TextOptions text_options;
  CLI::App* app = nullptr;  // to ask which of the common options were given

  bool given(const std::string& option) const { return app->get_option(option)->count() > 0; }
  bool self() const { return data.empty() || data == std::vector<std::string>{"self"}; }  // the parent writes the rows
};

void add_heal_options(CLI::App& app, HealOptions& options);

// What the options say together, for the model that they name; but for what the rows decide, as recipe::resolve says.
recipe::Settings resolve_settings(const HealOptions& options, uint64_t seed);

// The model that is trained, and its unpruned parent where one teaches.
struct HealModels {
  fs::path model, teacher;  // teacher is empty without one
  family::ModelSpec spec;
  std::string fingerprint, teacher_fingerprint;
  int64_t context = 0;    // positions that model and teacher both have
  std::vector<int> kept;  // the teacher's block that each block of the model was
  Json source;            // for shorten.json: path, fingerprint and record of the model
};
// `wants_parent`: for its text or its teaching. Throws bad_input if the teacher has another vocabulary or is not the
// parent that the model's record names.
HealModels open_heal_models(const HealOptions& options, bool wants_teacher, bool wants_parent, fs::path& parent,
                            std::string& parent_fingerprint);

struct HealData {
  std::vector<data::Example> rows, validation;
  std::vector<recipe::HeldOut> texts;
  Json sources = Json::array();  // for heal.json
};
// What was asked with options that leave no trace in the settings, as it was given.
Json asked_with(const HealOptions& options);

// Reads or samples the rows, splits off the held-out ones; fits settings.length to ready rows.
HealData read_heal_data(const HealOptions& options, const HealModels& models, const fs::path& parent,
                        const std::string& parent_fingerprint, recipe::Settings& settings, const CommonOptions& common);

// Everything a run needs to go on, as it lies in state/.
struct HealRun {
  HealRequest request;
  Json facts;  // for heal.json: model, teacher, data, argv
  Json asked;  // option -> value, of those that settings do not tell
};

// RUN on the disk. One process at a time works in it.
class RunDirectory {
 public:
  explicit RunDirectory(fs::path path) : path_(std::move(path)) {}
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  bool resumable() const;  // state/run.json is there
  bool finished() const;   // heal.json is there

  // Throws usage_error if there is something else, or another run and not `force`. Changes nothing.
  void check(bool force, const std::vector<fs::path>& inputs) const;
  void create();            // after `check`: makes state/ anew
  void remove_outputs();    // what an earlier run left: the new one begins
  void save(HealRun& run);  // the last step of creating: from now on it can be resumed; fills in its identity
  Json report() const;      // heal.json; throws bad_input if it is none of ours
  HealRun load();           // throws bad_input for a damaged one, or models that have changed
  void finish();            // removes state/
  void discard();           // of a run that never began to train: leaves what an earlier one made

  const fs::path& path() const { return path_; }

 private:
  void lock();
  HealRun read() const;
  bool holds_only_state() const;  // state/ has no file that is not ours
  bool holds_outputs() const;     // there is more than state/
  bool is_ours() const;           // all this is a run, by what its files say and not by their names alone
  void clear_state();
  void remove_state();
  void remove_temporaries() const;

  fs::path path_;
  int lock_ = -1;
  std::unique_ptr<Temporary> begun_;  // what `create` made goes again unless it was saved
};

// Going on with a run. Throws usage_error unless what is given now about model, data and training is what it was begun
// with, but for what may change.
void check_resumed(const HealOptions& options, const CommonOptions& common, const HealRun& run);
void take_changes(const HealOptions& options, HealRequest& request);  // what may change counts from now on
// What a run says that has ended.
void show_finished(const HealOptions& options, const CommonOptions& common, RunDirectory& directory);

// train.jsonl while it runs; at the end also train.csv, loss.svg and heal.json.
class HealLog {
 public:
  HealLog(fs::path run, const HealRequest& request);
  void start(int64_t done, const recipe::Measured& before);  // drops lines of steps that are done again
  void step(const recipe::StepRecord& record);
  void sync() const;  // the log reaches the disk before a state that follows it
  // Writes the files; returns heal.json.
  Json finish(const HealRun& run, const HealResponse& response);

 private:
  fs::path run_;
  const HealRequest& request_;
  std::vector<Json> lines_;
  int64_t done_ = 0, tokens_ = 0;
  double seconds_ = 0;
  std::chrono::steady_clock::time_point said_{};
};

std::string heal_table(const Json& report, const fs::path& run);

}  // namespace shorten::cli
