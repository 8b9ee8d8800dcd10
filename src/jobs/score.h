// SPDX-License-Identifier: Apache-2.0
// The importance of every block of a model, by one criterion or several, on calibration text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "engine/engine.h"
#include "jobs/text.h"
#include "plan/scores.h"

namespace shorten::jobs {

struct ScoreRequest {
  family::ModelPtr model;
  std::vector<std::string> criteria = {"ppl"};  // plan::criteria() lists them
  // Calibration text: files and folders (docs/formats.md, SOURCE), or what the model writes itself.
  std::vector<std::string> text;
  bool self_text = false;
  TextRequest tokens;
  // Windows, and tokens of one. Absent: 10 of 128; of ready rows of ids all, as they are.
  std::optional<int64_t> samples, length;
  uint64_t seed = 1234;
  engine::ComputeOptions compute;
};

// Throws what is wrong with the request as usage_error naming the field; diverged if a score is NaN; no_space.
plan::Scores score_blocks(const ScoreRequest& request, const Hooks& hooks = {});

}  // namespace shorten::jobs
