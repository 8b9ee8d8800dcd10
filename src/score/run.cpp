// SPDX-License-Identifier: Apache-2.0
#include "score/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/progress.h"

namespace shorten::score {
namespace {

struct Running {
  std::string name;
  std::unique_ptr<Scorer> scorer;
  size_t first_variant = 0, variants = 0;
};

const char* hint(const model::CausalLm& model) {
  return model.dtype() == at::kFloat ? "the weights make numbers beyond fp32: is the checkpoint sound?"
                                     : "use --dtype fp32: half precision overflows in some models";
}

void check_finite(const std::string& name, const plan::CriterionScores& scores, const model::CausalLm& model) {
  for (size_t i = 0; i < scores.scores.size(); ++i) {
    if (std::isnan(scores.scores[i])) {
      throw diverged("a score is not a number").where(fmt::format("criterion {}, block {}", name, i)).help(hint(model));
    }
  }
}

}  // namespace

ScoreOutput run_criteria(const ScoreInput& input, const std::vector<std::string>& names, uint64_t memory) {
  std::vector<Running> running;
  std::vector<RemovalSet> variants = {{}};  // the intact model first
  bool text = false, observed = false;
  for (const std::string& name : names) {
    Running r{name, make_scorer(name, input)};
    const std::vector<RemovalSet> wanted = r.scorer->variants();
    r.first_variant = variants.size();
    r.variants = wanted.size();
    variants.insert(variants.end(), wanted.begin(), wanted.end());
    text |= plan::find_criterion(name).needs_text;
    observed |= r.scorer->observes();
    running.push_back(std::move(r));
  }

  ScoreOutput out;
  std::vector<double> nll(variants.size());
  if (text) {
    const int64_t rows = input.ids.size(0), length = input.ids.size(1);
    const auto blocks = static_cast<int64_t>(input.model.blocks.size());
    const uint64_t row_bytes =
        static_cast<uint64_t>((blocks + 1) * length * input.model.spec.hidden) * input.model.embedding.element_size();
    const int64_t group = std::clamp<int64_t>(static_cast<int64_t>(memory / row_bytes), 1, rows);
    const int64_t groups = (rows + group - 1) / group;
    Progress progress("scoring", groups * count_evaluations(blocks, variants), "blocks");
    for (int64_t first = 0; first < rows; first += group) {
      const Observer observer = [&](int block, const Tensor& before, const Tensor& after) {
        for (const Running& r : running) {
          if (r.scorer->observes()) r.scorer->observe(block, first, before, after);
        }
      };
      const std::vector<double> sums =
          walk(input.model, input.ids.narrow(0, first, std::min(group, rows - first)), variants,
               observed ? observer : Observer(), [&](int64_t n) { progress.advance(n); });
      for (size_t v = 0; v < nll.size(); ++v) nll[v] += sums[v];
    }
    for (double& value : nll) value /= static_cast<double>(rows * (length - 1));
    out.baseline_perplexity = std::exp(nll[0]);
    if (!std::isfinite(*out.baseline_perplexity)) {
      throw diverged("the intact model has no finite perplexity on the calibration text").help(hint(input.model));
    }
  }
  for (const Running& r : running) {
    out.criteria.emplace_back(r.name, r.scorer->finish(std::span(nll).subspan(r.first_variant, r.variants)));
    check_finite(r.name, out.criteria.back().second, input.model);
  }
  return out;
}

ScoreCost estimate(const family::ModelSpec& spec, int64_t rows, int64_t length, uint64_t element_bytes,
                   const std::vector<std::string>& names) {
  const auto blocks = static_cast<int64_t>(spec.blocks.size());
  const double tokens = static_cast<double>(rows * length);
  const double block_flops =
      2 * tokens * static_cast<double>(family::count_parameters(spec).block_parameters) / static_cast<double>(blocks);
  const double head_flops = 2 * tokens * static_cast<double>(spec.vocabulary * spec.hidden);
  const auto asked = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };

  ScoreCost cost;
  const auto state = static_cast<uint64_t>(rows * length * spec.hidden) * element_bytes;
  double evaluations = 0, heads = 0;
  uint64_t states = 0;
  if (std::any_of(names.begin(), names.end(),
                  [](const std::string& n) { return plan::find_criterion(n).needs_text; })) {
    evaluations = static_cast<double>(blocks);
    heads = 1;
    states = 2;
  }
  if (asked("ppl")) {
    evaluations = static_cast<double>(blocks * (blocks + 1)) / 2;
    heads += static_cast<double>(blocks);
    states = static_cast<uint64_t>(blocks) + 2;
  }
  if (asked("taylor")) {
    evaluations += 3 * static_cast<double>(blocks);  // once more forward, twice that backward
    heads += 3;
    cost.kept_bytes = (static_cast<uint64_t>(blocks) + 1) * state;
  }
  cost.flops = evaluations * block_flops + heads * head_flops;
  cost.walk_bytes = states * state;
  return cost;
}

}  // namespace shorten::score
