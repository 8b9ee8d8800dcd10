// SPDX-License-Identifier: Apache-2.0
// Several criteria in one pass over the calibration rows.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "score/criterion.h"

namespace shorten::score {

struct ScoreOutput {
  std::optional<double> baseline_perplexity;  // of the intact model, if text was needed
  std::vector<std::pair<std::string, plan::CriterionScores>> criteria;
};

// Scores the blocks by every criterion in `names`. `memory` is what may be used for hidden states, in
// bytes: with more states than fit, the calibration rows are walked in groups.
// Throws diverged if a score is NaN.
ScoreOutput run_criteria(const ScoreInput& input, const std::vector<std::string>& names, uint64_t memory);

// What run_criteria will need, at most.
struct ScoreCost {
  double flops = 0;
  uint64_t walk_bytes = 0;  // of states that walk together: fewer if the rows are walked in groups
  uint64_t kept_bytes = 0;  // of states that are kept to the end, whatever the groups
};
ScoreCost estimate(const family::ModelSpec& spec, int64_t rows, int64_t length, uint64_t element_bytes,
                   const std::vector<std::string>& names);

}  // namespace shorten::score
