// SPDX-License-Identifier: Apache-2.0
// First-order Taylor importance: Shortened LLaMA (Kim et al. 2024, arXiv 2402.02834).
//   I_b = sum over the weights W of block b, norms included and biases not, of sum | W_ij · dL/dW_ij |
// where L is the mean cross-entropy over all samples: gradients add up with their signs, and the
// absolute value is taken once at the end.
//
// Block by block from the last to the first: the block is computed again from its stored input with
// gradients on, then dL/d(output) is sent through it. At any time there are the weights, the gradient
// of one block and the block inputs; never a full gradient.
#include "kernels/ops.h"
#include "score/criterion.h"

namespace shorten::score {
namespace {

constexpr int64_t kBackwardTokens = 16384;  // go through a block with gradients at once: bounds its activations
constexpr int64_t kLogitBytes = int64_t{1} << 28;

// A state that went through a block together with others is a part of their tile; keeping it as it is
// would keep the whole tile.
Tensor owned(const Tensor& state) { return state.storage().nbytes() > state.nbytes() ? state.clone() : state; }

// The block with the same weights as leaves of a new graph.
model::Block with_gradients(model::Block block) {
  const auto leaf = [](const Tensor& t) { return t.defined() ? t.detach().requires_grad_() : t; };
  for_each_norm(block, [&](family::Slot, model::RmsNorm& norm) { norm.weight = leaf(norm.weight); });
  for_each_linear(block, [&](family::Slot, model::Linear& linear) { linear.weight = leaf(linear.weight.dense()); });
  return block;
}

// dL/d(hidden) [N, T, D] for L = mean over N (T - 1) targets of the cross-entropy, some positions at a
// time: their logits, in fp32, are the largest tensors of all.
Tensor head_gradient(const model::CausalLm& model, const Tensor& hidden, const Tensor& ids) {
  const at::AutoGradMode gradients(true);
  const int64_t n = ids.size(0), t = ids.size(1), width = hidden.size(2), all = n * (t - 1);
  const Tensor predicting = hidden.narrow(1, 0, t - 1).reshape({all, width});  // the last state predicts nothing
  const Tensor targets = ids.narrow(1, 1, t - 1).reshape({all});
  const int64_t chunk = std::max<int64_t>(1, kLogitBytes / (model.spec.vocabulary * 4));
  Tensor gradient = at::empty({all, width}, hidden.options());
  for (int64_t first = 0; first < all; first += chunk) {
    const int64_t count = std::min(chunk, all - first);
    const Tensor leaf = predicting.narrow(0, first, count).detach().requires_grad_();
    (kernels::plain::cross_entropy(model.head(leaf), targets.narrow(0, first, count)).sum() / static_cast<double>(all))
        .backward();
    gradient.narrow(0, first, count).copy_(leaf.grad());
  }
  return at::constant_pad_nd(gradient.view({n, t - 1, width}), {0, 0, 0, 1});
}

class TaylorScorer final : public Scorer {
 public:
  explicit TaylorScorer(size_t blocks) : inputs_(blocks + 1) {}

  Observes observes() const override { return {.states = true}; }

  // Once more forward, and backward; and the inputs of all blocks.
  ScorerCost cost() const override {
    return {.evaluations = 3 * static_cast<double>(inputs_.size() - 1),
            .heads = 3,
            .states = static_cast<int64_t>(inputs_.size())};
  }

  void observe(int block, int64_t, const Tensor& before, const Tensor& after) override {
    const auto i = static_cast<size_t>(block);
    const int64_t rows = std::max<int64_t>(1, kBackwardTokens / before.size(1));
    for (Tensor& part : owned(before).split(rows)) inputs_[i].push_back(std::move(part));
    if (i + 2 == inputs_.size()) inputs_[i + 1].push_back(owned(after));
  }

  plan::CriterionScores finish(const ScoreInput& input, std::span<const double>) override {
    const model::CausalLm& model = input.model;
    const model::Context context = model.context(input.ids.size(1));
    plan::CriterionScores out;
    // Read from the device at the end: waiting for each block would let a GPU run dry.
    std::vector<std::pair<std::vector<std::string>, Tensor>> scored(model.blocks.size());

    std::vector<Tensor> gradients;  // dL/d(output of the block), for each group of rows
    int64_t first = 0;
    const Tensor last = at::cat(inputs_.back());
    inputs_.back().clear();
    const Tensor gradient = head_gradient(model, last, input.ids);
    for (const Tensor& group : inputs_.front()) {
      gradients.push_back(gradient.narrow(0, first, group.size(0)));
      first += group.size(0);
    }
    for (const model::BlockLease& lease : model.blocks.backward()) {
      const at::AutoGradMode enable(true);
      const size_t i = lease.index();
      const model::Block block = with_gradients(*lease);
      for (size_t g = 0; g < gradients.size(); ++g) {
        const Tensor leaf = inputs_[i][g].detach().requires_grad_();
        block.forward(leaf, context).backward(gradients[g]);
        gradients[g] = leaf.grad();
      }
      inputs_[i].clear();
      scored[i] = score_block(block);
    }
    for (const auto& [names, sums] : scored) {
      const Tensor values = sums.to(at::kCPU, at::kDouble);
      std::map<std::string, double> detail;
      for (size_t k = 0; k < names.size(); ++k) detail[names[k]] = values[static_cast<int64_t>(k)].item<double>();
      out.scores.push_back(values.sum().item<double>());
      out.detail.push_back(std::move(detail));
    }
    return out;
  }

 private:
  // Names of the weights of a block and, on the device, their scores: [number of weights] fp32.
  static std::pair<std::vector<std::string>, Tensor> score_block(const model::Block& block) {
    const at::NoGradGuard no_gradients;
    std::vector<std::string> names;
    std::vector<Tensor> sums;
    for (const model::Parameter& p : block.parameters()) {
      if (!p.name.ends_with("weight")) continue;
      const Tensor gradient = p.storage.grad().narrow(0, p.begin, p.rows);
      names.push_back(p.name);
      sums.push_back(at::linalg_vector_norm(p.view() * gradient, 1, std::nullopt, false, at::kFloat));
    }
    return {std::move(names), at::stack(sums)};
  }

  std::vector<std::vector<Tensor>> inputs_;  // [block][group of rows] → [n, T, D]; one more for the last output
};

const Registered kTaylor("taylor", [](const ScoreShape& shape) -> std::unique_ptr<Scorer> {
  return std::make_unique<TaylorScorer>(shape.blocks());
});

}  // namespace
}  // namespace shorten::score
