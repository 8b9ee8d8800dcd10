// SPDX-License-Identifier: Apache-2.0
// Writes the shorter checkpoint: kept tensors are copied byte for byte under their new names,
// config.json is edited in place, everything else is copied. Nothing is computed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "family/model.h"
#include "plan/plan.h"

namespace shorten::prune {

struct ApplyResult {
  std::vector<int> kept;  // kept[new] = old
  uint64_t parameters_before = 0, parameters_after = 0;
  uint64_t bytes_before = 0, bytes_after = 0;
};

struct Application {
  const plan::PrunePlan& plan;
  fs::path plan_file;             // for errors; may be empty
  fs::path output;                // the directory
  std::vector<std::string> argv;  // recorded in shorten.json
  bool force = false;
};

// Writes `model` without `plan.remove`. `report` is called when all is written and checked, just before the directory
// appears under its name: if it throws, no directory appears. Throws what plan::check_plan throws, unsupported for a
// per-layer list in config.json that is not known, and what OutputDir throws.
ApplyResult apply(
    const family::Model& model, const Application& application,
    const std::function<void(const ApplyResult&)>& report = [](const ApplyResult&) {});

}  // namespace shorten::prune
