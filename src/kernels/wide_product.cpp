// SPDX-License-Identifier: Apache-2.0
#include "kernels/wide_product.h"

#include <algorithm>

namespace shorten::kernels {
namespace {

constexpr int64_t kEnoughRows = 32;
constexpr int64_t kPieceBytes = 4 << 20;  // of widened weights

// AMX multiplies bf16 many times faster; AMD's cores take bf16 pairs at the rate of fp32, Intel's at half of it.
bool multiplies_bf16_faster() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("amx-bf16") || (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx512bf16"));
#else
  return true;  // not known
#endif
}

}  // namespace

bool prefers_wide_product(const Tensor& x) {
  static const bool bf16_is_faster = multiplies_bf16_faster();
  if (!x.is_cpu() || x.scalar_type() == at::kFloat) return false;
  if (x.numel() / x.size(-1) < kEnoughRows) return false;
  return x.scalar_type() == at::kHalf || !bf16_is_faster;
}

Tensor wide_product(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  const int64_t k = weight.size(1), n = weight.size(0);
  const Tensor rows = x.reshape({-1, k}).to(at::kFloat);  // [R, K]
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = n;
  Tensor out = at::empty({rows.size(0), n}, x.options());
  const Tensor added = residual.defined() ? residual.reshape({-1, n}) : Tensor();
  const int64_t piece = std::min(n, std::max<int64_t>(16, kPieceBytes / (k * 4)));
  const Tensor widened = at::empty({piece, k}, rows.options());
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t count = std::min(piece, n - begin);
    const Tensor part = widened.narrow(0, 0, count);
    part.copy_(weight.narrow(0, begin, count));
    Tensor product = at::linear(rows, part);  // [R, count]
    if (bias.defined()) product.add_(bias.narrow(0, begin, count));
    if (added.defined()) product.add_(added.narrow(1, begin, count));
    out.narrow(1, begin, count).copy_(product);
  }
  return out.view(shape);
}

Tensor wide_product_backward(const Tensor& dy, const Tensor& weight) {
  const int64_t k = weight.size(1), n = weight.size(0);
  const Tensor rows = dy.reshape({-1, n}).to(at::kFloat);  // [R, N]
  std::vector<int64_t> shape = dy.sizes().vec();
  shape.back() = k;
  Tensor sum = at::zeros({rows.size(0), k}, rows.options());
  const int64_t piece = std::min(n, std::max<int64_t>(16, kPieceBytes / (k * 4)));
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t count = std::min(piece, n - begin);
    sum.addmm_(rows.narrow(1, begin, count), weight.narrow(0, begin, count).to(at::kFloat));
  }
  return sum.to(dy.scalar_type()).view(shape);
}

Tensor product(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  if (prefers_wide_product(x)) return wide_product(x, weight, bias, residual);
  if (!residual.defined()) return at::linear(x, weight, bias);
  if (bias.defined()) return residual + at::linear(x, weight, bias);
  return at::addmm(residual.reshape({-1, weight.size(0)}), x.reshape({-1, weight.size(1)}), weight.t())
      .view_as(residual);
}

Tensor product_backward(const Tensor& dy, const Tensor& weight) {
  return prefers_wide_product(dy) ? wide_product_backward(dy, weight) : at::matmul(dy, weight);
}

}  // namespace shorten::kernels
