// SPDX-License-Identifier: Apache-2.0
// From scores to a plan: which blocks go, for a target.
#pragma once

#include <string>

#include "family/model.h"
#include "plan/plan.h"
#include "plan/scores.h"

namespace shorten::jobs {

struct PlanRequest {
  family::ModelPtr model;
  plan::Scores scores;   // of this model
  fs::path scores_file;  // where they were read, for errors; may be empty
  std::string criterion = "ppl";
  plan::Target target;
  plan::Protection protection;
};

struct PlanResult {
  plan::PrunePlan plan;
  plan::Inventory inventory;     // of the model
  plan::CriterionScores scores;  // that the plan goes by
};

// Throws bad_input if the scores are another model's, usage_error for a criterion that is not among them or a target
// that cannot be reached.
PlanResult make_plan(const PlanRequest& request);

}  // namespace shorten::jobs
