// SPDX-License-Identifier: Apache-2.0
// What computes a criterion: one file in this folder that starts with its paper and formula, a line in
// criteria.cpp, and a line in the table of plan/criteria.cpp. Low = least important.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/causal_lm.h"
#include "plan/criteria.h"
#include "plan/scores.h"
#include "score/walk.h"

namespace shorten::score {

struct ScoreInput {
  const model::CausalLm& model;
  Tensor ids;  // calibration rows [N, T] int64 on the model's device; undefined if no criterion needs text
  uint64_t seed = 0;
};

// One criterion at work. The runner walks the calibration rows once for all criteria, some rows at a
// time where memory asks for it, and then calls `finish` of each.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // Variants of the model whose loss is wanted.
  virtual std::vector<RemovalSet> variants() const { return {}; }

  // Whether observe() is to be called.
  virtual bool observes() const { return false; }

  // The intact model's state before and after a block, for the rows first_row .. first_row + n.
  virtual void observe(int block, int64_t first_row, const Tensor& before, const Tensor& after);

  // `mean_nll[v]` is the mean negative log-likelihood of variants()[v], in nats a token.
  virtual plan::CriterionScores finish(std::span<const double> mean_nll) = 0;
};

// The scorer of a criterion of plan::criteria().
std::unique_ptr<Scorer> make_scorer(std::string_view name, const ScoreInput& input);

std::unique_ptr<Scorer> make_ppl(const ScoreInput& input);
std::unique_ptr<Scorer> make_taylor(const ScoreInput& input);
std::unique_ptr<Scorer> make_magnitude(const ScoreInput& input);
std::unique_ptr<Scorer> make_bi(const ScoreInput& input);
std::unique_ptr<Scorer> make_random(const ScoreInput& input);

}  // namespace shorten::score
