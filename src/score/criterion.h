// SPDX-License-Identifier: Apache-2.0
// What computes a criterion: one file in this folder that starts with its paper and formula and ends with its
// registration, and a line in the table of plan/criteria.cpp. Low = least important.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/causal_lm.h"
#include "plan/scores.h"
#include "plan/unit.h"

namespace shorten::score {

// What is known before a model is loaded.
struct ScoreShape {
  const family::ModelSpec& spec;
  int64_t rows = 0, length = 0;  // of the calibration text; 0 if no criterion needs any
  uint64_t seed = 0;

  size_t blocks() const { return spec.blocks.size(); }
};

struct ScoreInput {
  const model::CausalLm& model;
  Tensor ids;  // calibration rows [N, T] int64 on the model's device; undefined if no criterion needs text
  uint64_t seed = 0;

  ScoreShape shape() const {
    return {model.spec, ids.defined() ? ids.size(0) : 0, ids.defined() ? ids.size(1) : 0, seed};
  }
};

// What a criterion looks at while the intact model goes through the calibration rows.
struct Observes {
  bool states = false;  // before and after each block
  bool inputs = false;  // of single projections inside a block
};

// What a criterion takes beside the walk, whose cost follows from variants and observers.
struct ScorerCost {
  double evaluations = 0;  // of a block by all rows; a backward pass counts as two
  double heads = 0;        // the same of the head
  int64_t states = 0;      // of all rows, that are kept to the end
};

// One criterion at work. The runner walks the calibration rows once for all criteria, some rows at a time where memory
// asks for it, and then calls `finish` of each. One that wants neither variants nor to observe needs no text.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // Variants of the model whose loss is wanted.
  virtual std::vector<plan::RemovalSet> variants() const { return {}; }

  virtual Observes observes() const { return {}; }
  virtual ScorerCost cost() const { return {}; }

  // The weights of each block, once and in order. They are there for the length of the call only.
  virtual void observe_weights(int /*block*/, const model::Block&) {}

  // The intact model's state before and after a block, for the rows first_row .. first_row + n.
  virtual void observe(int block, int64_t first_row, const Tensor& before, const Tensor& after);

  // What a projection of the intact model's block is given, [n, T, in], for the rows first_row .. first_row + n.
  virtual void observe_input(int block, int64_t first_row, model::Projection projection, const Tensor& input);

  // `mean_nll[v]` is the mean negative log-likelihood of variants()[v], in nats a token.
  virtual plan::CriterionScores finish(const ScoreInput& input, std::span<const double> mean_nll) = 0;
};

using MakeScorer = std::unique_ptr<Scorer> (*)(const ScoreShape& shape);

// Makes a criterion known under its name. As a constant at the end of the criterion's file:
//   const Registered kPpl("ppl", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> { ... });
struct Registered {
  Registered(std::string_view name, MakeScorer make);
};

std::vector<std::string_view> registered_criteria();

// Throws usage_error that lists the criteria if there is none of this name.
std::unique_ptr<Scorer> make_scorer(std::string_view name, const ScoreShape& shape);

}  // namespace shorten::score
