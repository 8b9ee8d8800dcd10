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

// split rather than narrow: the gradient of all parts together is one concatenation.
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t rotated) {
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);  // [T, 1, hd / 2], the same for every head
  const std::vector<at::Tensor> heads = x.split_with_sizes({rotated, x.size(2) - rotated}, 2);
  const std::vector<at::Tensor> half = heads[0].chunk(2, -1);  // multiplied by fp32, they become fp32
  const at::Tensor turned = at::cat({half[0] * c - half[1] * s, half[1] * c + half[0] * s}, -1);
  return at::cat({turned.to(x.scalar_type()), heads[1]}, 2);
}

at::Tensor swiglu(const at::Tensor& x) {
  const std::vector<at::Tensor> half = x.chunk(2, -1);
  return at::silu(half[0]) * half[1];
}

at::Tensor log_sum_exp(const at::Tensor& logits) { return logits.to(at::kFloat).logsumexp(-1); }

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor wide = logits.to(at::kFloat);
  return wide.logsumexp(-1) - wide.gather(-1, targets.unsqueeze(-1)).squeeze(-1);
}

}  // namespace shorten::kernels::plain
