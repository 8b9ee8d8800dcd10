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

Tensor empty_as(const Tensor& x, int64_t n) {  // [..., n]
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = n;
  return at::empty(shape, x.options());
}

}  // namespace

bool prefers_wide_product(const Tensor& x) {
  static const bool bf16_is_faster = multiplies_bf16_faster();
  if (!x.is_cpu() || x.scalar_type() == at::kFloat) return false;
  if (x.numel() / x.size(-1) < kEnoughRows) return false;
  return x.scalar_type() == at::kHalf || !bf16_is_faster;
}

void wide_product(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& residual) {
  const int64_t k = weight.size(1), n = weight.size(0);
  const Tensor rows = flat(x).to(at::kFloat);                           // [R, K]
  const Tensor to = out.view({-1, n});                                  // [R, N]
  const Tensor added = residual.defined() ? flat(residual) : Tensor();  // [R, N]
  const int64_t piece = std::min(n, std::max<int64_t>(16, kPieceBytes / (k * 4)));
  const Tensor widened = at::empty({piece, k}, rows.options());
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t count = std::min(piece, n - begin);
    const Tensor part = widened.narrow(0, 0, count);
    part.copy_(weight.narrow(0, begin, count));
    Tensor product = at::linear(rows, part);  // [R, count]
    if (bias.defined()) product.add_(bias.narrow(0, begin, count));
    if (added.defined()) product.add_(added.narrow(1, begin, count));
    to.narrow(1, begin, count).copy_(product);
  }
}

void wide_product_backward(const Tensor& dx, const Tensor& dy, const Tensor& weight, const Tensor& added) {
  const int64_t k = weight.size(1), n = weight.size(0);
  const Tensor rows = flat(dy).to(at::kFloat);  // [R, N]
  Tensor sum = added.defined() ? flat(added).to(at::kFloat) : at::zeros({rows.size(0), k}, rows.options());
  const int64_t piece = std::min(n, std::max<int64_t>(16, kPieceBytes / (k * 4)));
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t count = std::min(piece, n - begin);
    sum.addmm_(rows.narrow(1, begin, count), weight.narrow(0, begin, count).to(at::kFloat));
  }
  dx.view({-1, k}).copy_(sum);
}

Tensor product(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual) {
  if (prefers_wide_product(x)) {
    const Tensor out = empty_as(x, weight.size(0));
    wide_product(out, x, weight, bias, residual);
    return out;
  }
  if (!residual.defined()) return at::linear(x, weight, bias);
  if (bias.defined()) return residual + at::linear(x, weight, bias);
  return at::addmm(flat(residual), flat(x), weight.t()).view_as(residual);
}

void add_product(const Tensor& out, const Tensor& x, const Tensor& weight) {
  if (prefers_wide_product(x)) return wide_product(out, x, weight, {}, out);
  out.view({-1, weight.size(0)}).addmm_(flat(x), weight.t());
}

Tensor product_backward(const Tensor& dy, const Tensor& weight) {
  if (!prefers_wide_product(dy)) return at::matmul(dy, weight);
  const Tensor dx = empty_as(dy, weight.size(1));
  wide_product_backward(dx, dy, weight, {});
  return dx;
}

void add_product_backward(const Tensor& dx, const Tensor& dy, const Tensor& weight) {
  if (prefers_wide_product(dy)) return wide_product_backward(dx, dy, weight, dx);
  dx.view({-1, weight.size(1)}).addmm_(flat(dy), weight);
}

}  // namespace shorten::kernels
