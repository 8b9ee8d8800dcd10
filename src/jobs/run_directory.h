// SPDX-License-Identifier: Apache-2.0
// The folder of a run. state/ holds what is needed to continue it, run.json last; the rest is what came out. One
// process at a time works in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cleanup.h"
#include "engine/engine.h"

namespace shorten::jobs {

// Everything a run needs to continue, as it lies in state/.
struct SavedRun {
  engine::HealRequest request;
  Json facts;  // for heal.json: model, teacher, data, argv
  Json asked;  // what was asked for that the settings do not tell
};

// state/run.json and state/rows.safetensors of the run in `folder`; fills in the identity of the request.
void write_run(const fs::path& folder, SavedRun& run);
// Throws bad_input for a damaged one, or models that have changed.
SavedRun read_run(const fs::path& folder);

inline constexpr std::string_view kRunFormat = "shorten.heal-run", kHealFormat = "shorten.heal";

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
  void create();             // after `check`: makes state/ anew
  void remove_outputs();     // what an earlier run left: the new one begins
  void save(SavedRun& run);  // the last step of creating: from now on it can be continued
  Json report() const;       // heal.json; throws bad_input if it is none of ours
  SavedRun load();           // as read_run, with the folder locked
  void finish();             // removes state/
  void discard();            // of a run that never began to train: leaves what an earlier one made

  const fs::path& path() const { return path_; }

 private:
  void lock();
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

}  // namespace shorten::jobs
