// SPDX-License-Identifier: Apache-2.0
#include "train/objective.h"

#include <algorithm>

#include "kernels/ops.h"

namespace shorten::train {
namespace {

constexpr int64_t kLogitBytes = int64_t{1} << 28;  // of a chunk's logits in fp32

// z [n, V] → log softmax(z / T), fp32.
Tensor log_probabilities(const Tensor& logits, double temperature) {
  Tensor wide = logits.to(at::kFloat, false, true);
  if (temperature != 1) wide.div_(temperature);
  return wide.sub_(kernels::log_sum_exp(wide).unsqueeze(1));
}

}  // namespace

int64_t head_rows(int64_t vocabulary) { return std::clamp<int64_t>(kLogitBytes / (4 * vocabulary), 16, 4096); }

Tensor head_loss(const model::CausalLm& student, const Tensor& hidden, const Tensor& targets,
                 const model::CausalLm* teacher, const Tensor& teacher_hidden, const HeadLoss& loss, Tensor& sums,
                 const std::function<void()>& chunk_done) {
  const at::NoGradGuard no_gradients;
  const double w = teacher ? loss.kd_weight : 0, t = loss.temperature;
  Tensor gradient = at::empty_like(hidden);
  const int64_t rows = head_rows(student.spec.vocabulary);
  for (int64_t begin = 0; begin < hidden.size(0); begin += rows) {
    const int64_t n = std::min(rows, hidden.size(0) - begin);
    const Tensor target = targets.narrow(0, begin, n).unsqueeze(1);  // [n, 1]
    const Tensor leaf = hidden.narrow(0, begin, n).detach().requires_grad_();
    const Tensor logits = [&] {
      const at::AutoGradMode enable(true);
      return student.head(leaf);  // [n, V]
    }();

    // d ce / dz = softmax(z) - onehot
    Tensor log_p = log_probabilities(logits.detach(), 1);
    sums[0].sub_(log_p.gather(1, target).sum(at::kDouble));
    Tensor dz;
    if (w < 1) {
      dz = log_p.exp();
      dz.scatter_add_(1, target, at::full({1, 1}, -1.0, dz.options()).expand({n, 1}));
      dz.mul_((1 - w) * loss.scale);
    }
    if (teacher) {
      // d T² KL / dz = T (softmax(z / T) - softmax(z' / T))
      const Tensor log_q = log_probabilities(teacher->head(teacher_hidden.narrow(0, begin, n)), t);
      if (t != 1) log_p = log_probabilities(logits.detach(), t);
      const Tensor q = log_q.exp(), p = log_p.exp();
      sums[1].add_((q * log_q.sub_(log_p)).sum(at::kDouble), t * t);
      const Tensor part = p.sub_(q).mul_(t * w * loss.scale);
      dz = dz.defined() ? dz.add_(part) : part;
    }
    logits.backward(dz.to(logits.scalar_type()));
    chunk_done();
    gradient.narrow(0, begin, n).copy_(leaf.grad());
  }
  return gradient;
}

}  // namespace shorten::train
