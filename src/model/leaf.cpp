// SPDX-License-Identifier: Apache-2.0
#include "model/leaf.h"

#include "kernels/ops.h"

namespace shorten::model {

Tensor RmsNorm::operator()(const Tensor& x) const { return kernels::rms_norm(x, weight, eps); }

kernels::Branches Linear::after(const RmsNorm& norm, const Tensor& x) const {
  return kernels::norm_project(x, norm.weight, norm.eps, projection());
}

Tensor Linear::add_to(const Tensor& residual, const Tensor& x, kernels::Residual use) const {
  return kernels::project_add(residual, x, projection(), use);
}

Tensor Linear::add_swiglu_to(const Tensor& residual, const Tensor& gate_up, kernels::Residual use) const {
  return kernels::swiglu_project_add(residual, gate_up, projection(), use);
}

}  // namespace shorten::model
