// SPDX-License-Identifier: Apache-2.0
#include "model/leaf.h"

#include "kernels/ops.h"
#include "kernels/wide_product.h"

namespace shorten::model {

Tensor Linear::operator()(const Tensor& x) const {
  if (kernels::prefers_wide_product(x)) return kernels::wide_product(x, weight, bias, {});
  return at::linear(x, weight, bias);
}

Tensor Linear::add_to(const Tensor& residual, const Tensor& x) const {
  if (kernels::prefers_wide_product(x)) return kernels::wide_product(x, weight, bias, residual);
  if (bias.defined()) return residual + at::linear(x, weight, bias);
  return at::addmm(residual.reshape({-1, weight.size(0)}), x.reshape({-1, weight.size(1)}), weight.t())
      .view_as(residual);
}

Tensor RmsNorm::operator()(const Tensor& x) const { return kernels::rms_norm(x, weight, eps); }

}  // namespace shorten::model
