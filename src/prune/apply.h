// SPDX-License-Identifier: Apache-2.0
// Writes the shorter checkpoint: kept tensors are copied byte for byte under their new names,
// config.json is edited in place, everything else is copied. Nothing is computed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "plan/plan.h"

namespace shorten::prune {

struct ApplyResult {
  std::vector<int> kept;  // kept[new] = old
  uint64_t parameters_before = 0, parameters_after = 0;
  uint64_t bytes_before = 0, bytes_after = 0;
};

// Writes `model` without `plan.remove` to the directory `output`. `report` is called when all is written and
// checked, just before the directory appears under its name: if it throws, no directory appears.
// `argv` is recorded in shorten.json. Throws unsupported for a per-layer list in config.json that is
// not known, and what OutputDir throws.
ApplyResult apply(
    const checkpoint::Checkpoint& model, int64_t blocks, const std::string& fingerprint, const plan::PrunePlan& plan,
    const fs::path& output, const std::vector<std::string>& argv, bool force,
    const std::function<void(const ApplyResult&)>& report = [](const ApplyResult&) {});

}  // namespace shorten::prune
