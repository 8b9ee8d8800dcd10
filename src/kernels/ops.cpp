// SPDX-License-Identifier: Apache-2.0
// Schemas of the operators, and the choice between the plain form and the kernel of the device.
#include "kernels/ops.h"

#include <torch/library.h>

#include "kernels/torch.h"

TORCH_LIBRARY(shorten, m) {
  m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor");
  m.def("rope_(Tensor(a!) x, Tensor cos, Tensor sin, int rotated) -> Tensor(a!)");
  m.def("swiglu(Tensor x) -> Tensor");
  m.def("log_sum_exp(Tensor logits) -> Tensor");
}

namespace shorten::kernels {
namespace {

bool use_plain() { return at::GradMode::is_enabled(); }  // kernels carry no gradients

template <typename Signature>
auto find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  if (use_plain()) return plain::rms_norm(x, weight, eps);
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, double)>("shorten::rms_norm");
  return op.call(x, weight, eps);
}

Tensor rope(Tensor x, const Tensor& cos, const Tensor& sin, int64_t rotated) {
  if (use_plain()) return plain::rope(x, cos, sin, rotated);
  static const auto op = find_operator<Tensor&(Tensor&, const Tensor&, const Tensor&, int64_t)>("shorten::rope_");
  return op.call(x, cos, sin, rotated);
}

Tensor swiglu(const Tensor& x) {
  if (use_plain()) return plain::swiglu(x);
  static const auto op = find_operator<Tensor(const Tensor&)>("shorten::swiglu");
  return op.call(x);
}

Tensor log_sum_exp(const Tensor& logits) {
  if (use_plain()) return plain::log_sum_exp(logits);
  static const auto op = find_operator<Tensor(const Tensor&)>("shorten::log_sum_exp");
  return op.call(logits);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets) {
  if (use_plain()) return plain::cross_entropy(logits, targets);
  return log_sum_exp(logits) - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1);
}

}  // namespace shorten::kernels
