// SPDX-License-Identifier: Apache-2.0
// Schemas of the operators of a decoding step, and the choice between kernel and plain form.
#include "kernels/decode.h"

#include <torch/library.h>

#include "kernels/dispatch.h"

TORCH_LIBRARY_FRAGMENT(shorten, m) {
  m.def("norm_linear(Tensor x, Tensor norm, float eps, Tensor weight, Tensor? bias) -> Tensor");
  m.def("norm_swiglu(Tensor x, Tensor norm, float eps, Tensor gate_up, Tensor? bias) -> Tensor");
  m.def("linear_add(Tensor residual, Tensor x, Tensor weight, Tensor? bias) -> Tensor");
  m.def(
      "rope_append(Tensor qkv, Tensor? q_norm, Tensor? k_norm, float eps, Tensor cos, Tensor sin, Tensor position, "
      "Tensor(a!) keys, Tensor(b!) values) -> Tensor");
  m.def("cache_rows(Tensor projected, Tensor(a!) keys, Tensor(b!) values) -> ()");
  m.def("cached_attention(Tensor q, Tensor keys, Tensor values, Tensor position, int window) -> Tensor");
}

namespace shorten::kernels {

Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, const Tensor& bias) {
  if (x.size(0) > kMostDecodeRows) return plain::norm_linear(x, norm, eps, weight, bias);
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, double, const Tensor&, const Optional&)>(
      "shorten::norm_linear");
  return op.call(x, norm, eps, weight, optional(bias));
}

Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, const Tensor& bias) {
  if (x.size(0) > kMostDecodeRows) return plain::norm_swiglu(x, norm, eps, gate_up, bias);
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, double, const Tensor&, const Optional&)>(
      "shorten::norm_swiglu");
  return op.call(x, norm, eps, gate_up, optional(bias));
}

Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (x.size(0) > kMostDecodeRows) return plain::linear_add(residual, x, weight, bias);
  static const auto op =
      find_operator<Tensor(const Tensor&, const Tensor&, const Tensor&, const Optional&)>("shorten::linear_add");
  return op.call(residual, x, weight, optional(bias));
}

Tensor rope_append(const Tensor& qkv, const Tensor& q_norm, const Tensor& k_norm, double eps, const Tensor& cos,
                   const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values) {
  static const auto op = find_operator<Tensor(const Tensor&, const Optional&, const Optional&, double, const Tensor&,
                                              const Tensor&, const Tensor&, Tensor&, Tensor&)>("shorten::rope_append");
  return op.call(qkv, optional(q_norm), optional(k_norm), eps, cos, sin, position, keys, values);
}

void cache_rows(const Tensor& projected, Tensor& keys, Tensor& values) {
  static const auto op = find_operator<void(const Tensor&, Tensor&, Tensor&)>("shorten::cache_rows");
  op.call(projected, keys, values);
}

Tensor cached_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const Tensor& position,
                        int64_t window) {
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t)>(
      "shorten::cached_attention");
  return op.call(q, keys, values, position, window);
}

}  // namespace shorten::kernels
