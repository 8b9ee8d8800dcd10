// SPDX-License-Identifier: Apache-2.0
#include "score/head.h"

#include <algorithm>

#include "kernels/ops.h"

namespace shorten::score {
namespace {

Tensor nll_sums(const model::CausalLm& model, const Tensor& ids, std::vector<Tensor>& states) {
  const int64_t predicting = ids.size(1) - 1;  // the last state of a row predicts nothing
  const Tensor targets = ids.narrow(1, 1, predicting).reshape({-1});
  std::vector<Tensor> sums;  // read from the device together
  for (Tensor& state : states) {
    const Tensor hidden = state.narrow(1, 0, predicting).reshape({-1, state.size(2)});
    sums.push_back(model.token_nll(hidden, targets).sum(at::kDouble));
    state = Tensor();
  }
  return at::stack(sums);
}

// hidden [n, D] → log softmax of its logits [n, V], fp32.
Tensor log_probabilities(const model::CausalLm& model, const Tensor& hidden) {
  Tensor logits = model.head(hidden).to(at::kFloat);
  return logits.sub_(kernels::log_sum_exp(logits).unsqueeze(1));
}

// The logits of some positions are there for the intact model and one other at a time.
int64_t divergence_rows(const model::CausalLm& model) { return std::max<int64_t>(16, model.head_chunk() / 4); }

Tensor kl_sums(const model::CausalLm& model, const Tensor& ids, const std::vector<Tensor>& states,
               const Tensor& intact) {
  const int64_t n = ids.size(0), t = ids.size(1), rows = divergence_rows(model);
  const Tensor predicting = at::arange(n * t, ids.options()).view({n, t}).narrow(1, 0, t - 1).reshape({-1});
  Tensor sums = at::zeros({static_cast<int64_t>(states.size())}, ids.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < predicting.size(0); begin += rows) {
    const Tensor positions = predicting.narrow(0, begin, std::min(rows, predicting.size(0) - begin));
    const auto log_p = [&](const Tensor& state) {
      return log_probabilities(model, state.view({n * t, -1}).index_select(0, positions));
    };
    const Tensor log_intact = log_p(intact), p = log_intact.exp();
    for (size_t i = 0; i < states.size(); ++i) {
      const Tensor terms = log_p(states[i]).sub_(log_intact).mul_(p);
      sums[static_cast<int64_t>(i)].sub_(terms.sum(at::kDouble));
    }
  }
  return sums;
}

}  // namespace

Tensor head_sums(const model::CausalLm& model, const Tensor& ids, Objective objective, std::vector<Tensor> states,
                 const Tensor& intact) {
  return objective == Objective::kNll ? nll_sums(model, ids, states) : kl_sums(model, ids, states, intact);
}

uint64_t head_bytes(const model::CausalLm& model, Objective objective, int64_t tokens) {
  const auto element = static_cast<int64_t>(model.embedding.element_size());
  const int64_t vocabulary = model.spec.vocabulary, width = model.spec.hidden * element;
  const bool nll = objective == Objective::kNll;
  const int64_t chunk = std::min(tokens, nll ? model.head_chunk() : divergence_rows(model));
  const int64_t copied = nll ? tokens : chunk;  // of a state's hidden values
  return static_cast<uint64_t>(copied * width + chunk * (vocabulary * (nll ? element : element + 20) + 2 * width));
}

}  // namespace shorten::score
