// SPDX-License-Identifier: Apache-2.0
#include "train/trainable.h"

#include <algorithm>

namespace shorten::train {

Trainable make_trainable(std::string name, const Tensor& values, at::ScalarType dtype, bool decays) {
  const at::NoGradGuard guard;
  Trainable out;
  out.name = std::move(name);
  out.master = values.detach().to(at::kFloat, false, true).contiguous();
  out.compute = (dtype == at::kFloat ? out.master : out.master.to(dtype)).detach().requires_grad_();
  out.gradient = at::zeros_like(out.master);
  out.first = at::zeros_like(out.master);
  out.second = at::zeros_like(out.master);
  out.decays = decays;
  return out;
}

void collect(std::span<Trainable> trainables) {
  const at::NoGradGuard guard;
  std::vector<Tensor> sums, first;  // of a step, which need not be added to anything
  for (Trainable& t : trainables) {
    const Tensor gradient = t.compute.grad();
    if (!gradient.defined()) continue;
    t.compute.mutable_grad() = Tensor();
    if (t.gathered) {
      t.gradient.add_(gradient);
    } else {
      sums.push_back(t.gradient);
      first.push_back(gradient);
      t.gathered = true;
    }
  }
  if (!sums.empty()) at::_foreach_copy_(sums, first);
}

void add_gradient(Trainable& t, const Tensor& gradient) {
  const at::NoGradGuard guard;
  t.gathered ? t.gradient.add_(gradient) : t.gradient.copy_(gradient);
  t.gathered = true;
}

void round_to_compute(std::vector<Trainable>& trainables) {
  const at::NoGradGuard guard;
  std::vector<Tensor> computes, masters;
  for (const Trainable& t : trainables) {
    if (t.compute.is_alias_of(t.master)) continue;
    computes.push_back(t.compute);
    masters.push_back(t.master);
  }
  if (!computes.empty()) at::_foreach_copy_(computes, masters);
}

double finish_gradients(std::vector<Trainable>& trainables, double clip) {
  const at::NoGradGuard guard;
  std::vector<Tensor> gradients;
  for (Trainable& t : trainables) {
    if (!t.gathered) t.gradient.zero_();
    if (t.mask.defined()) t.gradient.mul_(t.mask);
    gradients.push_back(t.gradient);
  }
  const Tensor squares = at::stack(at::_foreach_norm(gradients)).to(at::kDouble).square();
  const double norm = std::sqrt(squares.sum().item<double>());
  if (norm > clip) at::_foreach_mul_(gradients, clip / (norm + 1e-6));
  return norm;
}

void step(std::vector<Trainable>& trainables, const AdamW& adam, double lr, int64_t count) {
  const at::NoGradGuard guard;
  if (trainables.empty()) return;
  const Tensor steps = at::full({}, static_cast<double>(count), trainables[0].master.options());
  for (const bool decays : {true, false}) {
    std::vector<Tensor> masters, gradients, first, second;
    for (const Trainable& t : trainables) {
      if (t.decays != decays) continue;
      masters.push_back(t.master);
      gradients.push_back(t.gradient);
      first.push_back(t.first);
      second.push_back(t.second);
    }
    if (masters.empty()) continue;
    const std::vector<Tensor> counts(masters.size(), steps);  // read only
    at::_fused_adamw_(masters, gradients, first, second, {}, counts, lr, adam.beta1, adam.beta2,
                      decays ? adam.decay : 0, adam.eps, false, false);
  }
  round_to_compute(trainables);
  clear_gradients(trainables);
}

void clear_gradients(std::vector<Trainable>& trainables) {
  for (Trainable& t : trainables) {
    t.gathered = false;
    t.compute.mutable_grad() = Tensor();
  }
}

}  // namespace shorten::train
