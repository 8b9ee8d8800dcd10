// SPDX-License-Identifier: Apache-2.0
// The steps of preparing a run: which model and which parent, what the settings are, which rows; and how a command that
// continues a run is held against what the run was begun with.
#pragma once

#include "jobs/heal.h"
#include "jobs/run_directory.h"

namespace shorten::jobs {

// The model that is trained, and its unpruned parent where one is wanted.
struct HealModels {
  family::ModelPtr model;
  family::ModelPtr parent;  // whose text or teaching is wanted; null without
  bool teaches = false;     // the parent
  int64_t context = 0;      // positions that model and parent both have
  std::vector<int> kept;    // the parent's block that each block of the model was
};
// Throws bad_input if the parent has another vocabulary or is not the one that the model's record names.
HealModels open_heal_models(const HealRequest& request, const recipe::Settings& settings);

// Defaults filled in and everything checked, for this model; but for what the rows decide (recipe::resolve).
recipe::Settings resolve_settings(const HealRequest& request);

struct HealData {
  std::vector<data::Example> rows, validation;
  std::vector<recipe::HeldOut> texts;
  Json sources = Json::array();  // for heal.json
};
// Reads or generates the rows and splits off the held-out ones; completes length, steps and warmup of the settings.
HealData read_heal_data(const HealRequest& request, const HealModels& models, recipe::Settings& settings);

// What was asked for and leaves no trace in the settings: field -> value, under the names that saved runs use.
Json asked_with(const HealRequest& request);

// Throws usage_error unless the request says of model, data and settings what the saved run was begun with.
void check_same_run(const HealRequest& request, const SavedRun& run);
void check_same_report(const HealRequest& request, const Json& report);
void check_same_place(const HealRequest& request, const SavedRun& run);
// Throws usage_error for what must not be asked of a run that is continued by its folder alone.
void check_only_changes(const HealRequest& request);
void take_changes(const HealRequest& request, engine::HealRequest& run);  // what may change counts from now on

}  // namespace shorten::jobs
