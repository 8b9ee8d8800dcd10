// SPDX-License-Identifier: Apache-2.0
#include "jobs/prune.h"

#include "checkpoint/output_dir.h"

namespace shorten::jobs {

PruneResult prune_model(const PruneRequest& request, const Hooks& hooks) {
  const HookScope scope(hooks);
  // What costs nothing comes before what reads every byte of the model: its fingerprint.
  std::vector<fs::path> inputs = {request.model->dir()};
  if (!request.plan_file.empty()) inputs.push_back(request.plan_file);
  checkpoint::check_output_dir(request.output, inputs, request.force);
  plan::PrunePlan plan = request.plan;
  if (request.plan_file.empty() && !plan.fingerprint) plan.fingerprint = request.model->fingerprint();
  return prune::apply(*request.model, {plan, request.plan_file, request.output, request.command, request.force},
                      request.before_commit);
}

}  // namespace shorten::jobs
