// SPDX-License-Identifier: Apache-2.0
#include "engine/evaluator.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "kernels/accelerator.h"
#include "score/walk.h"

namespace shorten::engine {
namespace {

std::string names(const plan::RemovalSet& set) {
  std::string out;
  for (const plan::Unit& unit : set) out += (out.empty() ? "" : ", ") + plan::unit_name(unit);
  return out;
}

class LoadedEvaluator : public Evaluator {
 public:
  LoadedEvaluator(model::CausalLm model, Tensor ids, const Place& place, const EvaluatorRequest& request)
      : model_(std::move(model)), ids_(std::move(ids)), place_(place) {
    options_.objective = request.loss == EvaluatorRequest::Loss::kKl ? score::Objective::kKl : score::Objective::kNll;
    options_.memory = request.memory > 0 ? request.memory : kernels::free_memory(place.device) / 3;
  }

  int64_t blocks() const override { return static_cast<int64_t>(model_.blocks.size()); }
  ComputeUsed used() const override { return describe(place_); }

  std::vector<double> losses(std::span<const plan::RemovalSet> sets, const Progress& progress) const override {
    std::vector<plan::RemovalSet> normalised;
    for (const plan::RemovalSet& set : sets) normalised.push_back(checked(set));
    if (sets.empty()) return {};
    return with_memory_errors([&] {
      const int64_t rows = ids_.size(0), length = ids_.size(1);
      const score::WalkPlan plan = score::plan_walk(model_, rows, length, normalised, options_);
      score::WalkHooks hooks;
      int64_t done = 0;
      if (progress) hooks.progress = [&](int64_t n) { progress(done += n, plan.evaluations); };
      std::vector<double> losses = score::walk(model_, ids_, normalised, plan, hooks);
      for (size_t i = 0; i < losses.size(); ++i) {
        losses[i] /= static_cast<double>(rows * (length - 1));
        if (std::isnan(losses[i]))
          throw diverged("a loss is not a number").where("the model without blocks " + names(normalised[i]));
      }
      return losses;
    });
  }

 private:
  plan::RemovalSet checked(const plan::RemovalSet& set) const {
    plan::RemovalSet out = plan::normalised(set);
    for (const plan::Unit& unit : out) {
      if (unit.block >= 0 && unit.block < blocks()) continue;
      throw usage_error("the model has no such block")
          .where("block " + plan::unit_name(unit))
          .expected(fmt::format("0 to {}", blocks() - 1));
    }
    return out;
  }

  model::CausalLm model_;
  Tensor ids_;
  Place place_;
  score::WalkOptions options_;
};

}  // namespace

std::unique_ptr<Evaluator> make_evaluator(model::CausalLm model, Tensor ids, const Place& place,
                                          const EvaluatorRequest& request) {
  return std::make_unique<LoadedEvaluator>(std::move(model), std::move(ids), place, request);
}

}  // namespace shorten::engine
