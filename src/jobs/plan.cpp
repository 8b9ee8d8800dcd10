// SPDX-License-Identifier: Apache-2.0
#include "jobs/plan.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::jobs {
namespace {

void check_model(const PlanRequest& request) {
  const family::Model& model = *request.model;
  const plan::Scores::Model& scored = request.scores.model;
  if (scored.fingerprint == model.fingerprint() && scored.blocks == model.blocks()) return;
  throw bad_input("the scores are another model's")
      .file(request.scores_file)
      .expected(fmt::format("{} blocks, {}", model.blocks(), model.fingerprint()))
      .found(fmt::format("{} blocks, {}", scored.blocks, scored.fingerprint))
      .help("run shorten score on this model");
}

const plan::CriterionScores& criterion_of(const PlanRequest& request) {
  if (const plan::CriterionScores* found = request.scores.find(request.criterion)) return *found;
  std::string there;
  for (const auto& [name, unused] : request.scores.criteria) there += (there.empty() ? "" : ", ") + name;
  throw usage_error(fmt::format("no scores by criterion {}", printable(request.criterion, 40)))
      .file(request.scores_file)
      .expected("one of: " + there);
}

}  // namespace

PlanResult make_plan(const PlanRequest& request) {
  check_model(request);
  PlanResult out;
  out.scores = criterion_of(request);
  out.inventory = plan::take_inventory(request.model->files(), request.model->blocks());
  out.plan = plan::choose(out.inventory, out.scores, request.target, request.protection);
  out.plan.criterion = request.criterion;
  out.plan.fingerprint = request.model->fingerprint();
  return out;
}

}  // namespace shorten::jobs
