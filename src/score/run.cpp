// SPDX-License-Identifier: Apache-2.0
#include "score/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "score/walk.h"

namespace shorten::score {
namespace {

struct Running {
  std::string name;
  std::unique_ptr<Scorer> scorer;
  Observes observes = {};
  size_t first_variant = 0, variants = 0;
};

// All criteria together, and what they want of one walk.
struct Wanted {
  Wanted(const ScoreShape& shape, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      Running r{name, make_scorer(name, shape)};
      r.observes = r.scorer->observes();
      observes.states |= r.observes.states;
      observes.inputs |= r.observes.inputs;
      const std::vector<plan::RemovalSet> variants = r.scorer->variants();
      r.first_variant = sets.size();
      r.variants = variants.size();
      sets.insert(sets.end(), variants.begin(), variants.end());
      running.push_back(std::move(r));
    }
  }

  bool text() const { return sets.size() > 1 || observes.states || observes.inputs; }
  Intact intact() const {
    return observes.inputs ? Intact::kAlone : observes.states ? Intact::kThere : Intact::kAbsent;
  }

  std::vector<Running> running;
  std::vector<plan::RemovalSet> sets = {{}};  // the intact model first
  Observes observes;
};

const char* hint(const model::CausalLm& model) {
  return model.dtype() == at::kFloat ? "the weights make numbers beyond fp32: is the checkpoint sound?"
                                     : "use `dtype` fp32: half precision overflows in some models";
}

void check_finite(const std::string& name, const plan::CriterionScores& scores, const model::CausalLm& model) {
  for (size_t i = 0; i < scores.scores.size(); ++i) {
    if (std::isnan(scores.scores[i])) {
      throw diverged("a score is not a number")
          .where(fmt::format("criterion {}, block {}", name, plan::unit_name(scores.unit(i))))
          .help(hint(model));
    }
  }
}

WalkHooks hooks_for(const Wanted& wanted, Progress& progress) {
  WalkHooks hooks;
  hooks.progress = [&progress](int64_t n) { progress.advance(n); };
  hooks.weights = [&wanted](int block, const model::Block& weights) {
    for (const Running& r : wanted.running) r.scorer->observe_weights(block, weights);
  };
  if (wanted.observes.states) {
    hooks.states = [&wanted](int block, int64_t first_row, const Tensor& before, const Tensor& after) {
      for (const Running& r : wanted.running) {
        if (r.observes.states) r.scorer->observe(block, first_row, before, after);
      }
    };
  }
  if (wanted.observes.inputs) {
    hooks.inputs = [&wanted](int block, int64_t first_row, model::Projection projection, const Tensor& input) {
      for (const Running& r : wanted.running) {
        if (r.observes.inputs) r.scorer->observe_input(block, first_row, projection, input);
      }
    };
  }
  return hooks;
}

}  // namespace

ScoreOutput run_criteria(const ScoreInput& input, const std::vector<std::string>& names, uint64_t memory) {
  const Wanted wanted(input.shape(), names);
  ScoreOutput out;
  std::vector<double> nll(wanted.sets.size());
  if (wanted.text()) {
    SHORTEN_CHECK(input.ids.defined(), "a criterion needs text, and there is none");
    const int64_t rows = input.ids.size(0), length = input.ids.size(1);
    const WalkPlan plan =
        plan_walk(input.model, rows, length, wanted.sets, {.intact = wanted.intact(), .memory = memory});
    Progress progress("scoring", plan.evaluations, "blocks");
    nll = walk(input.model, input.ids, wanted.sets, plan, hooks_for(wanted, progress));
    for (double& value : nll) value /= static_cast<double>(rows * (length - 1));
    out.baseline_perplexity = std::exp(nll[0]);
    if (!std::isfinite(*out.baseline_perplexity)) {
      throw diverged("the intact model has no finite perplexity on the calibration text").help(hint(input.model));
    }
  } else {
    const at::NoGradGuard no_gradients;
    for (const model::BlockLease& block : input.model.blocks.forward()) {
      for (const Running& r : wanted.running) r.scorer->observe_weights(static_cast<int>(block.index()), *block);
    }
  }
  for (const Running& r : wanted.running) {
    out.criteria.emplace_back(r.name, r.scorer->finish(input, std::span(nll).subspan(r.first_variant, r.variants)));
    check_finite(r.name, out.criteria.back().second, input.model);
  }
  return out;
}

ScoreCost estimate(const family::ModelSpec& spec, int64_t rows, int64_t length, uint64_t element_bytes,
                   const std::vector<std::string>& names) {
  const Wanted wanted({spec, rows, length}, names);
  const auto blocks = static_cast<int64_t>(spec.blocks.size());
  const double tokens = static_cast<double>(rows * length);
  const double block_flops =
      2 * tokens * static_cast<double>(family::count_parameters(spec).block_parameters) / static_cast<double>(blocks);
  const double head_flops = 2 * tokens * static_cast<double>(spec.vocabulary * spec.hidden);
  const auto state = static_cast<uint64_t>(rows * length * spec.hidden) * element_bytes;

  ScoreCost cost;
  double evaluations = 0, heads = 0;
  if (wanted.text()) {
    const ScheduleCost walk = cost_of(make_schedule(static_cast<int>(blocks), wanted.sets, wanted.intact(), 1));
    evaluations = walk.blocks;
    heads = static_cast<double>(walk.final_states);
    cost.walk_bytes = static_cast<uint64_t>(walk.live_states) * state;
  }
  for (const Running& r : wanted.running) {
    const ScorerCost beside = r.scorer->cost();
    evaluations += beside.evaluations;
    heads += beside.heads;
    cost.kept_bytes += static_cast<uint64_t>(beside.states) * state;
  }
  cost.flops = evaluations * block_flops + heads * head_flops;
  return cost;
}

}  // namespace shorten::score
