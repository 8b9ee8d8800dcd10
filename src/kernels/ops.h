// SPDX-License-Identifier: Apache-2.0
// The operators of the library `shorten` in LibTorch's dispatcher: element-wise steps that ATen would
// take several passes over memory for. Each has a plain form made of ATen operators, which the tests hold
// the kernels against. Implementations: cpu/ here, cuda/ in the plug-in. All reductions are in fp32
// whatever the dtype. The first three carry gradients, with kernels of their own for the backward pass.
#pragma once

#include <ATen/core/Tensor.h>

namespace shorten::kernels {

// x [..., n], weight [n] → x / sqrt(mean(x²) + eps) · weight, dtype of x.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// Rotates the first `rotated` heads of x [N, T, heads, hd]; cos and sin [T, hd / 2] fp32. Pairs are
// (i, i + hd / 2), as Hugging Face checkpoints are laid out; the other heads stay. Works in place: give
// it a tensor that nothing else needs, no leaf, and use what is returned.
at::Tensor rope(at::Tensor x, const at::Tensor& cos, const at::Tensor& sin, int64_t rotated);

// x [..., 2 n] = gate | up → silu(gate) · up [..., n].
at::Tensor swiglu(const at::Tensor& x);

// Gradients: dy is that of the result y; dx, in the dtype of x, is that of x. y itself is computed again in the same
// pass where it is wanted, else undefined. `added`, like x or undefined, is what dx has got on other ways.
struct Backward {
  at::Tensor dx, y;
};
Backward rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight, double eps,
                           const at::Tensor& added, bool wants_y);
Backward swiglu_backward(const at::Tensor& dy, const at::Tensor& x, bool wants_y);
at::Tensor rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x, double eps);  // [n]

// logits [R, V] → log Σ exp(logits), [R] fp32.
at::Tensor log_sum_exp(const at::Tensor& logits);

// logits [R, V], targets [R] int64 → −log softmax(logits)[target], [R] fp32.
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets);

// The plain forms.
namespace plain {
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, int64_t rotated);
at::Tensor swiglu(const at::Tensor& x);
at::Tensor log_sum_exp(const at::Tensor& logits);
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets);
}  // namespace plain

}  // namespace shorten::kernels
