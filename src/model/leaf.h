// SPDX-License-Identifier: Apache-2.0
// The leaves of a model: weights and what they do to a tensor. Storage is at::empty until the loader
// fills it.
#pragma once

#include <memory>

#include "kernels/projection.h"
#include "kernels/torch.h"

namespace shorten::model {

// y = x / sqrt(mean(x²) + eps) · w over the last dimension, computed in fp32. Zhang & Sennrich 2019, arXiv 1910.07467.
struct RmsNorm {
  Tensor weight;  // [n]
  double eps = 1e-6;

  Tensor operator()(const Tensor& x) const;  // [..., n] → [..., n], dtype of x
};

// y = x Wᵀ + b. Several projections of the same input share one weight, rows stacked (q|k|v, gate|up):
// one wide product instead of three narrow ones. Where there is an adapter it adds its share.
struct Linear {
  kernels::Weight weight;  // [out, in]
  Tensor bias;             // [out], or undefined
  std::shared_ptr<kernels::LowRank> adapter = nullptr;

  kernels::Branches after(const RmsNorm& norm, const Tensor& x) const;  // of norm(x), and x for what goes past
  // residual + y, and residual + y of swiglu(gate_up)
  Tensor add_to(const Tensor& residual, const Tensor& x, kernels::Residual use) const;
  Tensor add_swiglu_to(const Tensor& residual, const Tensor& gate_up, kernels::Residual use) const;

 private:
  kernels::Projection projection() const { return {weight, bias, adapter.get()}; }
};

}  // namespace shorten::model
