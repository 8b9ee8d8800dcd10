// SPDX-License-Identifier: Apache-2.0
// The shorter checkpoint: writes a model without the blocks that a plan removes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "family/model.h"
#include "plan/plan.h"
#include "prune/apply.h"

namespace shorten::jobs {

using PruneResult = prune::ApplyResult;

struct PruneRequest {
  family::ModelPtr model;
  plan::PrunePlan plan;              // one without a fingerprint counts for this model
  fs::path plan_file;                // where it was read, for errors; may be empty
  fs::path output;                   // a folder
  bool force = false;                // replace one that is there
  std::vector<std::string> command;  // recorded in shorten.json
  // Called when all is written and checked, just before the folder appears: if it throws, none appears.
  std::function<void(const PruneResult&)> before_commit = [](const PruneResult&) {};
};

// Throws bad_input if the plan is another model's, unsupported for what cannot be edited exactly, usage_error or
// no_space for the output.
PruneResult prune_model(const PruneRequest& request, const Hooks& hooks = {});

}  // namespace shorten::jobs
