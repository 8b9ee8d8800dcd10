// SPDX-License-Identifier: Apache-2.0
// The operators of a decoding step as their formulas read, in ATen operators.
#include <cmath>

#include "kernels/decode.h"
#include "kernels/ops.h"

namespace shorten::kernels::plain {

Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, const Tensor& bias) {
  return at::linear(kernels::rms_norm(x, norm, eps), weight, bias);
}

Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, const Tensor& bias) {
  return kernels::swiglu(at::linear(kernels::rms_norm(x, norm, eps), gate_up, bias));
}

Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (bias.defined()) return residual + at::linear(x, weight, bias);
  return at::addmm(residual, x, weight.t());
}

Tensor rope_append(const Tensor& qkv, const Tensor& q_norm, const Tensor& k_norm, double eps, const Tensor& cos,
                   const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values) {
  const int64_t rows = qkv.size(0), kv = keys.size(1), heads = qkv.size(1) - 2 * kv;
  const std::vector<Tensor> parts = qkv.split_with_sizes({heads, kv, kv}, 1);
  const Tensor q = q_norm.defined() ? kernels::rms_norm(parts[0], q_norm, eps) : parts[0];
  const Tensor k = k_norm.defined() ? kernels::rms_norm(parts[1], k_norm, eps) : parts[1];
  // A row a "position" of one sequence: angles [R, hd / 2].
  const Tensor turned = plain::rope(at::cat({q, k}, 1).unsqueeze(0), cos.index_select(0, position),
                                    sin.index_select(0, position), heads + kv)
                            .squeeze(0);
  const Tensor row = at::arange(rows, position.options());
  keys.transpose(1, 2).index_put_({row, position}, turned.narrow(1, heads, kv));  // [R, C, K, hd]
  values.transpose(1, 2).index_put_({row, position}, parts[2]);
  return turned.narrow(1, 0, heads).contiguous();
}

void cache_rows(const Tensor& projected, Tensor& keys, Tensor& values) {
  const int64_t kv = keys.size(1), heads = projected.size(2) - 2 * kv, tokens = projected.size(1);
  keys.narrow(2, 0, tokens).copy_(projected.narrow(2, heads, kv).transpose(1, 2));
  values.narrow(2, 0, tokens).copy_(projected.narrow(2, heads + kv, kv).transpose(1, 2));
}

Tensor cached_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const Tensor& position,
                        int64_t window) {
  const int64_t rows = q.size(0), heads = q.size(1), hd = q.size(2), kv = keys.size(1);
  const Tensor grouped = q.view({rows, kv, heads / kv, hd}).to(at::kFloat) / std::sqrt(static_cast<double>(hd));
  Tensor scores = at::matmul(grouped, keys.to(at::kFloat).transpose(2, 3));  // [R, K, H / K, C]
  const Tensor at = at::arange(keys.size(2), position.options()), last = position.view({rows, 1, 1, 1});
  Tensor hidden = at > last;
  if (window > 0) hidden = hidden | (at <= last - window);
  scores = scores.masked_fill(hidden, -INFINITY).softmax(-1);
  // What no row has written yet may be anything, also NaN, and 0 · NaN is NaN.
  const Tensor seen = values.to(at::kFloat).masked_fill(hidden.view({rows, 1, -1, 1}), 0);
  return at::matmul(scores, seen).to(q.scalar_type()).reshape({rows, heads * hd});
}

}  // namespace shorten::kernels::plain
