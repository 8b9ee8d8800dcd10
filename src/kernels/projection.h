// SPDX-License-Identifier: Apache-2.0
// A projection of a Transformer block with what stands before and behind it, as one step that carries gradients and
// keeps little for them: norms and SwiGLU are computed again in the backward pass, and a low-rank adapter writes its
// share first, to which the projection's own product is added.
#pragma once

#include "kernels/torch.h"
#include "kernels/weight.h"

namespace shorten::kernels {

// LoRA (Hu et al. 2021, arXiv 2106.09685): y += scale · B A dropout(x). Of stacked projections A has the rows of all
// one below another, and B is block-diagonal.
struct LowRank {
  Tensor a;  // [R, in]
  Tensor b;  // [out, R]
  double scale = 1;
  double dropout = 0;
  uint64_t seed = 0;   // of the mask
  Tensor places = {};  // [rows] int64: which row of the mask each row of x has; with dropout only

  Tensor drop(const Tensor& x) const;  // x [..., in] as A sees it
};

struct Projection {
  const Weight& weight;  // [out, in]
  const Tensor& bias;    // [out], or undefined
  const LowRank* adapter = nullptr;
};

// x [..., in] → y [..., out] = n Wᵀ + b and the adapter's share, n = rms_norm(x); norm [in]. And x once more, for what
// goes past: its gradient is added where that of the norm is computed, in one pass.
struct Branches {
  Tensor y, past;
};
Branches norm_project(const Tensor& x, const Tensor& norm, double eps, const Projection& p);

// Whether the residual that a projection is added to is needed by anyone else. One that is used up holds the sum then,
// which saves a copy of it; where gradients are wanted all are kept.
enum class Residual { kKept, kUsedUp };

// residual [..., out] + the same of x [..., in] itself.
Tensor project_add(const Tensor& residual, const Tensor& x, const Projection& p, Residual use);
// residual + the same of swiglu(gate_up); gate_up [..., 2 in].
Tensor swiglu_project_add(const Tensor& residual, const Tensor& gate_up, const Projection& p, Residual use);

}  // namespace shorten::kernels
