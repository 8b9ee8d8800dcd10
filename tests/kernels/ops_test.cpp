// SPDX-License-Identifier: Apache-2.0
// Every kernel against its plain form in fp64, on awkward sizes and extreme values.
#include "kernels/ops.h"

#include <gtest/gtest.h>

#include "kernels/exact.h"
#include "kernels/place.h"
#include "kernels/torch.h"

namespace shorten::kernels {
namespace {

// Error of a kernel's result, relative to the largest value of the exact one.
class Kernels : public PlaceTest {
 protected:
  // Values that the dtype can hold, on the device.
  Tensor place(const Tensor& x) const { return x.to(GetParam().device, GetParam().dtype); }
  Tensor random(at::IntArrayRef shape) const { return place(at::randn(shape, at::kDouble)); }
  double tolerance() const { return GetParam().dtype == at::kFloat ? 2e-6 : 5e-3; }
  const at::NoGradGuard no_gradients;
};

TEST_P(Kernels, RmsNorm) {
  for (const int64_t n : {1, 2, 7, 31, 64, 192, 1000, 4097}) {
    const Tensor x = random({3, 5, n}), w = random({n});
    const Tensor wide = x.to(at::kDouble);
    const Tensor exact = wide * (wide.square().mean(-1, true) + 1e-5).rsqrt() * w.to(at::kDouble);
    EXPECT_LT(error(rms_norm(x, w, 1e-5), exact), tolerance()) << n;
    EXPECT_LT(error(plain::rms_norm(x, w, 1e-5), exact), tolerance()) << n;
  }
}

TEST_P(Kernels, RopeTurnsPairsAndLeavesTheOtherHeads) {
  for (const int64_t hd : {2, 6, 32, 80, 128}) {
    const Tensor x = random({2, 9, 5, hd}), angle = (at::rand({9, hd / 2}, at::kDouble) * 100).to(GetParam().device);
    const Tensor cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
    const Tensor exact = x.to(at::kDouble).clone();
    const Tensor a = x.to(at::kDouble).narrow(2, 0, 3).narrow(3, 0, hd / 2),
                 b = x.to(at::kDouble).narrow(2, 0, 3).narrow(3, hd / 2, hd / 2);
    const Tensor c = cos.to(at::kDouble).unsqueeze(1), s = sin.to(at::kDouble).unsqueeze(1);
    exact.narrow(2, 0, 3).copy_(at::cat({a * c - b * s, b * c + a * s}, -1));
    EXPECT_LT(error(rope(x.clone(), cos, sin, 3), exact), tolerance()) << hd;
    EXPECT_LT(error(plain::rope(x, cos, sin, 3), exact), tolerance()) << hd;
  }
}

TEST_P(Kernels, Swiglu) {
  for (const int64_t n : {1, 3, 17, 512, 1001}) {
    const Tensor x = random({4, 2 * n}) * 8;
    const Tensor gate = x.narrow(1, 0, n).to(at::kDouble), up = x.narrow(1, n, n).to(at::kDouble);
    const Tensor exact = gate / (1 + (-gate).exp()) * up;
    EXPECT_LT(error(swiglu(x), exact), tolerance()) << n;
    EXPECT_LT(error(plain::swiglu(x), exact), 2 * tolerance()) << n;  // rounds twice in bf16
  }
}

TEST_P(Kernels, SwigluOfExtremeGates) {
  const Tensor x = place(
      at::tensor({-1e4, -90.0, -88.0, 0.0, 88.0, 1e4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}, at::kDouble).reshape({1, 12}));
  const Tensor y = swiglu(x).to(at::kDouble);
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  EXPECT_NEAR(y[0][0].item<double>(), 0, 1e-6);
  EXPECT_NEAR(y[0][5].item<double>(), 1e4, 50);
}

TEST_P(Kernels, CrossEntropy) {
  for (const int64_t n : {2, 5, 333, 4096, 32003}) {
    const Tensor logits = random({6, n}) * 5;
    const Tensor targets = at::randint(n, {6}, at::kLong).to(GetParam().device);
    const Tensor wide = logits.to(at::kDouble);
    const Tensor exact = wide.logsumexp(-1) - wide.gather(-1, targets.unsqueeze(1)).squeeze(1);
    EXPECT_LT(error(cross_entropy(logits, targets), exact), 2e-6) << n;  // fp32 inside, whatever the dtype
    EXPECT_LT(error(plain::cross_entropy(logits, targets), exact), 2e-6) << n;
  }
}

TEST_P(Kernels, NanIsNotHidden) {
  Tensor x = random({2, 64});
  x[1][3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(rms_norm(x, random({64}), 1e-5)[1].isnan().all().item<bool>());
  EXPECT_TRUE(swiglu(x)[1].isnan().any().item<bool>());
  EXPECT_TRUE(cross_entropy(x, at::zeros({2}, at::kLong).to(GetParam().device))[1].isnan().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Places, Kernels, ::testing::ValuesIn(kEverywhere), name_of);

}  // namespace
}  // namespace shorten::kernels
