// SPDX-License-Identifier: Apache-2.0
#include "kernels/wide_product.h"

#include <gtest/gtest.h>

namespace shorten::kernels {
namespace {

TEST(WideProduct, EqualsFp64RoundedOnce) {
  const at::NoGradGuard no_gradients;
  at::manual_seed(3);
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    for (const auto& [rows, n, k] : {std::tuple(33, 7, 24), {64, 1003, 192}, {40, 9001, 513}, {1, 1, 1}}) {
      const auto random = [&](at::IntArrayRef shape) { return at::randn(shape, at::kDouble).to(dtype); };
      const Tensor x = random({2, rows, k}), w = random({n, k}), bias = random({n}), residual = random({2, rows, n});
      const Tensor product = at::matmul(x.to(at::kDouble), w.to(at::kDouble).t());
      const auto near = [&](const Tensor& got, const Tensor& exact) {
        EXPECT_EQ(got.scalar_type(), dtype);
        const double step = dtype == at::kHalf ? 1.0 / 2048 : 1.0 / 256;
        const Tensor error = (got.to(at::kDouble) - exact).abs() / (exact.abs() + 1e-2 * exact.abs().max());
        EXPECT_LT(error.max().item<double>(), 1.1 * step) << rows << " " << n << " " << k;
      };
      const auto wide = [&](const Tensor& bias, const Tensor& residual, Tensor out) {
        wide_product(out, x, w, bias, residual);
        return out;
      };
      near(wide({}, {}, at::empty_like(residual)), product);
      near(wide(bias, {}, at::empty_like(residual)), product + bias.to(at::kDouble));
      near(wide(bias, residual, at::empty_like(residual)), product + bias.to(at::kDouble) + residual.to(at::kDouble));
      const Tensor sum = residual.clone();
      near(wide({}, sum, sum), product + residual.to(at::kDouble));
      const auto back = [&](const Tensor& added, Tensor dx) {
        wide_product_backward(dx, residual, w, added);
        return dx;
      };
      const Tensor gradient = at::matmul(residual.to(at::kDouble), w.to(at::kDouble)), dx = random({2, rows, k});
      near(back({}, at::empty_like(x)), gradient);
      near(back(dx, dx.clone()), gradient + dx.to(at::kDouble));
    }
  }
}

TEST(WideProduct, IsForManyRowsInHalfPrecision) {
  const Tensor x = at::zeros({64, 8}, at::kBFloat16);
  EXPECT_TRUE(prefers_wide_product(x.to(at::kHalf)));
  EXPECT_FALSE(prefers_wide_product(x.to(at::kFloat)));
  EXPECT_FALSE(prefers_wide_product(x.to(at::kHalf).narrow(0, 0, 8)));
}

}  // namespace
}  // namespace shorten::kernels
