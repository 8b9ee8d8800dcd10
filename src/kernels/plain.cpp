// SPDX-License-Identifier: Apache-2.0
// The operators as their formulas read, in ATen operators that carry gradients.
#include "kernels/ops.h"
#include "kernels/torch.h"

namespace shorten::kernels::plain {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, true) + eps).rsqrt();
  return (wide * scale * weight).to(x.scalar_type());
}

at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t rotated) {
  const int64_t half = x.size(-1) / 2;
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);  // [T, 1, hd / 2], the same for every head
  const at::Tensor turning = x.narrow(2, 0, rotated).to(at::kFloat);
  const at::Tensor first = turning.narrow(-1, 0, half), second = turning.narrow(-1, half, half);
  const at::Tensor turned = at::cat({first * c - second * s, second * c + first * s}, -1).to(x.scalar_type());
  return at::cat({turned, x.narrow(2, rotated, x.size(2) - rotated)}, 2);
}

at::Tensor swiglu(const at::Tensor& x) {
  const int64_t n = x.size(-1) / 2;
  return at::silu(x.narrow(-1, 0, n)) * x.narrow(-1, n, n);
}

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor wide = logits.to(at::kFloat);
  return wide.logsumexp(-1) - wide.gather(-1, targets.unsqueeze(-1)).squeeze(-1);
}

}  // namespace shorten::kernels::plain
