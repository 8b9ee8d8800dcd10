// SPDX-License-Identifier: Apache-2.0
// Values and gradients of the steps that carry gradients, against autograd through plain operators in fp64.
#include "kernels/projection.h"

#include <gtest/gtest.h>

#include "kernels/dropout.h"
#include "kernels/ops.h"
#include "kernels/place.h"

namespace shorten::kernels {
namespace {

class Gradients : public PlaceTest {
 protected:
  Tensor leaf(at::IntArrayRef shape, double scale = 1) {
    const at::NoGradGuard guard;
    Tensor made = (at::randn(shape, at::kDouble) * scale).to(GetParam().device, GetParam().dtype);
    return made.requires_grad_();
  }
  static Tensor wide(const Tensor& x) {  // the same leaf in fp64
    return x.defined() ? x.detach().to(at::kDouble).requires_grad_() : x;
  }

  // Sends one random gradient through both and compares results and the gradients of all leaves.
  void compare(const Tensor& got, const Tensor& exact, const std::vector<std::pair<Tensor, Tensor>>& leaves) const {
    near(got, exact, "the result");
    const Tensor dy = at::randn(got.sizes(), at::kDouble).to(GetParam().device, GetParam().dtype);
    got.backward(dy);
    exact.backward(dy.to(at::kDouble));
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (!leaves[i].first.defined()) continue;
      ASSERT_TRUE(leaves[i].first.grad().defined()) << "leaf " << i;
      near(leaves[i].first.grad(), leaves[i].second.grad(), "the gradient of leaf " + std::to_string(i));
    }
  }
  void near(const Tensor& got, const Tensor& exact, const std::string& what) const {
    const double error =
        ((got.detach().to(at::kDouble) - exact.detach()).abs().max() / exact.detach().abs().max()).item<double>();
    EXPECT_LT(error, GetParam().dtype == at::kFloat ? 1e-5 : 2e-2) << what;
  }
};

Tensor plain_norm(const Tensor& x, const Tensor& weight) {
  return x * (x.square().mean(-1, true) + 1e-5).rsqrt() * weight;
}
Tensor plain_swiglu(const Tensor& x) {
  const std::vector<Tensor> half = x.chunk(2, -1);
  return half[0] / (1 + (-half[0]).exp()) * half[1];
}
Tensor plain_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& a, const Tensor& b) {
  Tensor y = at::matmul(x, w.t());
  if (bias.defined()) y = y + bias;
  return a.defined() ? y + 0.7 * at::matmul(at::matmul(x, a.t()), b.t()) : y;
}

TEST_P(Gradients, Projection) {
  for (const int64_t in : {8, 33, 96}) {
    for (const bool bias : {false, true}) {
      for (const bool adapted : {false, true}) {
        SCOPED_TRACE(testing::Message() << in << (bias ? " bias" : "") << (adapted ? " adapter" : ""));
        const int64_t out = 40;
        const Tensor x = leaf({3, 17, in}), gate_up = leaf({3, 17, 2 * in}), residual = leaf({3, 17, out}),
                     norm = leaf({in});
        const Tensor w = leaf({out, in}, 0.2), c = bias ? leaf({out}) : Tensor();
        LowRank adapter{adapted ? leaf({6, in}, 0.2) : Tensor(), adapted ? leaf({out, 6}, 0.2) : Tensor(), 0.7};
        const auto fresh = [&](const Tensor& t) {
          if (t.defined()) t.mutable_grad() = Tensor();
        };
        const auto clear = [&] {
          for (const Tensor& t : {x, gate_up, residual, norm, w, c, adapter.a, adapter.b}) fresh(t);
        };
        const Projection p{w, c, adapted ? &adapter : nullptr};
        const auto wides = [&] {
          std::vector<Tensor> out;
          for (const Tensor& t : {x, gate_up, residual, norm, w, c, adapter.a, adapter.b}) out.push_back(wide(t));
          return out;
        };
        {
          const auto t = wides();
          compare(norm_project(x, norm, 1e-5, p).y, plain_linear(plain_norm(t[0], t[3]), t[4], t[5], t[6], t[7]),
                  {{x, t[0]}, {norm, t[3]}, {w, t[4]}, {c, t[5]}, {adapter.a, t[6]}, {adapter.b, t[7]}});
          clear();
        }
        {
          const auto t = wides();
          const auto [y, past] = norm_project(x, norm, 1e-5, p);
          compare(at::cat({y, past * 3}, -1),
                  at::cat({plain_linear(plain_norm(t[0], t[3]), t[4], t[5], t[6], t[7]), t[0] * 3}, -1),
                  {{x, t[0]}, {norm, t[3]}, {w, t[4]}, {c, t[5]}, {adapter.a, t[6]}, {adapter.b, t[7]}});
          clear();
        }
        {
          const auto t = wides();
          compare(project_add(residual, x, p, Residual::kUsedUp), t[2] + plain_linear(t[0], t[4], t[5], t[6], t[7]),
                  {{x, t[0]}, {residual, t[2]}, {w, t[4]}, {c, t[5]}, {adapter.a, t[6]}, {adapter.b, t[7]}});
          clear();
        }
        {
          const auto t = wides();
          compare(swiglu_project_add(residual, gate_up, p, Residual::kUsedUp),
                  t[2] + plain_linear(plain_swiglu(t[1]), t[4], t[5], t[6], t[7]),
                  {{gate_up, t[1]}, {residual, t[2]}, {w, t[4]}, {c, t[5]}, {adapter.a, t[6]}, {adapter.b, t[7]}});
          clear();
        }
        {  // without gradients a residual that is used up holds the sum, one that is kept does not change
          const at::NoGradGuard guard;
          const auto t = wides();
          const Tensor kept = residual.detach().clone(), used_up = kept.clone(), used_up_too = kept.clone();
          const Tensor y = t[2] + plain_linear(t[0], t[4], t[5], t[6], t[7]);
          near(project_add(kept, x, p, Residual::kKept), y, "beside the residual");
          near(project_add(used_up, x, p, Residual::kUsedUp), y, "in the residual");
          EXPECT_TRUE(at::equal(kept, residual));
          near(used_up, y, "the residual");
          swiglu_project_add(used_up_too, gate_up, p, Residual::kUsedUp);
          near(used_up_too, t[2] + plain_linear(plain_swiglu(t[1]), t[4], t[5], t[6], t[7]), "SwiGLU in the residual");
        }
      }
    }
  }
}

TEST_P(Gradients, NormRopeAndSwiglu) {
  const Tensor x = leaf({2, 5, 4, 16}), norm = leaf({16});
  const Tensor angle = at::rand({5, 8}, at::kDouble).to(GetParam().device) * 100;
  const Tensor cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
  {
    const Tensor wx = wide(x), wn = wide(norm);
    compare(rms_norm(x, norm, 1e-5), plain_norm(wx, wn), {{x, wx}, {norm, wn}});
    x.mutable_grad() = Tensor();
  }
  {
    const Tensor wx = wide(x);
    const std::vector<Tensor> half = wx.narrow(2, 0, 3).chunk(2, -1);
    const Tensor c = cos.to(at::kDouble).unsqueeze(1), s = sin.to(at::kDouble).unsqueeze(1);
    const Tensor turned = at::cat({half[0] * c - half[1] * s, half[1] * c + half[0] * s}, -1);
    compare(rope(x * 1, cos, sin, 3), at::cat({turned, wx.narrow(2, 3, 1)}, 2), {{x, wx}});
    x.mutable_grad() = Tensor();
  }
  {
    const Tensor wx = wide(x);
    compare(swiglu(x), plain_swiglu(wx), {{x, wx}});
  }
}

Tensor places_to(int64_t rows, const at::Device& device) {
  return at::arange(rows, at::TensorOptions(device).dtype(at::kLong));
}

TEST_P(Gradients, AdapterWithDropoutUsesOneMaskForthAndBack) {
  const Tensor x = leaf({64, 32}), w = leaf({24, 32}, 0.2);
  const LowRank adapter{leaf({4, 32}, 0.2), leaf({24, 4}, 0.2), 2.0, 0.25, 99, places_to(64, GetParam().device)};
  const Tensor wx = wide(x), wa = wide(adapter.a), wb = wide(adapter.b), ww = wide(w);
  Tensor mask;
  {
    const at::NoGradGuard guard;
    mask = hashed_dropout(at::ones_like(x), 0.25, 99, adapter.places).to(at::kDouble);
  }
  const Tensor exact = at::matmul(wx, ww.t()) + 2.0 * at::matmul(at::matmul(wx * mask, wa.t()), wb.t());
  compare(project_add(at::zeros({64, 24}, x.options().requires_grad(false)), x, {w, {}, &adapter}, Residual::kKept),
          exact, {{x, wx}, {w, ww}, {adapter.a, wa}, {adapter.b, wb}});
}

TEST_P(Gradients, DropoutDropsItsShareAndDependsOnSeedAndPlaceAlone) {
  const at::NoGradGuard guard;
  const Tensor x = at::ones({1000, 1000}, at::TensorOptions(GetParam().device).dtype(GetParam().dtype));
  const Tensor places = places_to(1000, GetParam().device);
  // Rows and columns that drop together, more often than chance has it, would show here.
  const auto share_of_both = [](const Tensor& a, const Tensor& b) {
    return ((a == 0) & (b == 0)).to(at::kDouble).mean().item<double>();
  };
  for (const double p : {0.05, 0.5, 0.9}) {
    const Tensor y = hashed_dropout(x, p, 5, places);
    EXPECT_NEAR((y == 0).to(at::kDouble).mean().item<double>(), p, 0.002);
    EXPECT_NEAR(y.to(at::kDouble).max().item<double>(), 1 / (1 - p), 0.05);
    EXPECT_TRUE(hashed_dropout(x, p, 5, places).equal(y));
    const Tensor backwards = places.flip(0);
    EXPECT_TRUE(hashed_dropout(x, p, 5, backwards).equal(y.flip(0))) << "a mask belongs to a place, not to a row";
    EXPECT_TRUE(hashed_dropout(x.narrow(0, 0, 7), p, 5, places.narrow(0, 20, 7)).equal(y.narrow(0, 20, 7)));
    // Independent events have probability p².
    EXPECT_NEAR(share_of_both(hashed_dropout(x, p, 6, places), y), p * p, 0.002);
    EXPECT_NEAR(share_of_both(y.narrow(0, 1, 999), y.narrow(0, 0, 999)), p * p, 0.002);
    EXPECT_NEAR(share_of_both(y.narrow(1, 1, 999), y.narrow(1, 0, 999)), p * p, 0.002);
    EXPECT_NEAR(share_of_both(hashed_dropout(x, p, 5, places + (int64_t{1} << 32)), y), p * p, 0.002);
  }
  EXPECT_TRUE(hashed_dropout(x, 0, 5, places).equal(x));
}

TEST(DropoutMask, IsTheSameOnEveryDevice) {
  if (!kAccelerator.is_cuda()) GTEST_SKIP() << "no CUDA device";
  const at::NoGradGuard guard;
  const Tensor x = at::randn({77, 131});
  EXPECT_TRUE(
      hashed_dropout(x, 0.3, 123456789012345, places_to(77, at::kCPU))
          .equal(hashed_dropout(x.to(kAccelerator), 0.3, 123456789012345, places_to(77, kAccelerator)).to(at::kCPU)));
}

INSTANTIATE_TEST_SUITE_P(Places, Gradients, ::testing::ValuesIn(kWhereTrained), name_of);

}  // namespace
}  // namespace shorten::kernels
