// SPDX-License-Identifier: Apache-2.0
// Attention over whole rows and its gradient, against the formula in fp64: the operator, and each version of its
// kernels.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"
#include "kernels/place.h"

namespace shorten::kernels {
namespace {

using cpu::Isa;

struct Case {
  int64_t rows, length, heads, kv, hd;
  const char* mask;  // none, window, or trees: each row's own
};
constexpr Case kCases[] = {{2, 1, 4, 4, 8, "none"},     {3, 7, 6, 3, 20, "none"},   {1, 32, 4, 1, 64, "none"},
                           {2, 33, 4, 2, 32, "none"},   {2, 100, 2, 1, 40, "none"}, {1, 70, 2, 2, 128, "none"},
                           {2, 80, 4, 2, 16, "window"}, {1, 40, 3, 1, 33, "trees"}, {3, 90, 4, 2, 32, "trees"}};

constexpr double kHidden = -std::numeric_limits<double>::infinity();

// Who is seen: 0 or -inf; undefined for "none".
Tensor mask_of(const Case& c) {
  if (c.mask == std::string("none")) return {};
  const int64_t t = c.length;
  if (c.mask == std::string("window")) {
    const Tensor seen = at::ones({t, t}, at::kBool).tril().triu(1 - 9);
    return at::zeros({t, t}, at::kDouble).masked_fill_(~seen, kHidden);
  }
  Tensor mask = at::full({c.rows, 1, t, t}, kHidden, at::kDouble);
  for (int64_t n = 0; n < c.rows; ++n) {  // documents of different lengths one after the other
    for (int64_t begin = 0, length = 5 + n; begin < t; begin += length, length += 11) {
      for (int64_t i = begin; i < std::min(begin + length, t); ++i) {
        for (int64_t j = begin; j <= i; ++j) mask[n][0][i][j] = 0.0;
      }
    }
  }
  return mask;
}

// qkv [N, T, H + 2 K, hd] fp64 → [N, T, H hd]
Tensor exact(const Tensor& qkv, const Case& c, const Tensor& mask) {
  const auto part = [&](int64_t first, int64_t count) {
    return qkv.narrow(2, first, count).transpose(1, 2).repeat_interleave(c.heads / count, 1);  // [N, H, T, hd]
  };
  Tensor scores = at::matmul(part(0, c.heads), part(c.heads, c.kv).transpose(2, 3)) / std::sqrt(c.hd);
  scores = scores.masked_fill(at::ones({c.length, c.length}, qkv.options().dtype(at::kBool)).triu(1), kHidden);
  if (mask.defined()) scores = scores + mask;
  return at::matmul(scores.softmax(-1), part(c.heads + c.kv, c.kv)).transpose(1, 2).reshape({c.rows, c.length, -1});
}

// What should come out for some input, in fp64; the input is exact in `dtype`.
struct Expected {
  Tensor qkv, mask, dy, y, dqkv;

  Expected(const Case& c, at::ScalarType dtype) : mask(mask_of(c)) {
    const auto drawn = [&](at::IntArrayRef shape) { return at::randn(shape, at::kDouble).to(dtype).to(at::kDouble); };
    qkv = drawn({c.rows, c.length, c.heads + 2 * c.kv, c.hd}).requires_grad_();
    dy = drawn({c.rows, c.length, c.heads * c.hd});
    y = exact(qkv, c, mask);
    y.backward(dy);
    dqkv = qkv.grad();
  }
};

void near(const Tensor& got, const Tensor& exact, const char* what) {
  const double error =
      ((got.detach().to(at::kCPU, at::kDouble) - exact.detach()).abs().max() / exact.detach().abs().max())
          .item<double>();
  EXPECT_LT(error, got.scalar_type() == at::kFloat ? 1e-5 : 1e-2) << what;
}

std::string show(const Case& c) {
  return std::to_string(c.rows) + " rows of " + std::to_string(c.length) + ", heads " + std::to_string(c.heads) +
         " and " + std::to_string(c.kv) + " of " + std::to_string(c.hd) + ", mask " + c.mask;
}

using Attention = PlaceTest;

TEST_P(Attention, EqualsTheFormula) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(show(c));
    const Expected expected(c, GetParam().dtype);
    const auto given = [&](const Tensor& x) {
      return x.defined() ? x.detach().to(GetParam().device, GetParam().dtype) : x;
    };
    const Tensor qkv = given(expected.qkv).requires_grad_(), mask = given(expected.mask);
    const Tensor y = attention(qkv, c.heads, c.kv, mask);
    y.backward(given(expected.dy));
    near(y, expected.y, "the result");
    near(qkv.grad(), expected.dqkv, "the gradient");
    const at::NoGradGuard guard;
    EXPECT_TRUE(at::equal(attention(qkv, c.heads, c.kv, mask), y)) << "without gradients";
  }
}

INSTANTIATE_TEST_SUITE_P(Places, Attention, ::testing::ValuesIn(kEverywhere), name_of);

TEST(AttentionOperator, SaysWhatIsNotFinite) {
  Tensor qkv = at::randn({1, 40, 3, 8});
  qkv[0][20][0][3] = NAN;  // of a query: it alone
  const Tensor y = attention(qkv, 1, 1, {});
  EXPECT_FALSE(at::isfinite(y[0][20]).any().item<bool>());
  EXPECT_TRUE(at::isfinite(y[0].narrow(0, 0, 20)).all().item<bool>());
  EXPECT_TRUE(at::isfinite(y[0].narrow(0, 21, 19)).all().item<bool>());
}

class AttentionKernels : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!cpu::runs(GetParam())) GTEST_SKIP() << "not on this machine";
    at::manual_seed(4);
  }

  // Calls for ranges that end anywhere.
  template <typename T>
  void check(const Case& c, at::ScalarType dtype) const {
    const Expected expected(c, dtype);
    const auto given = [&](const Tensor& x) { return x.defined() ? x.detach().to(dtype).contiguous() : x; };
    const Tensor qkv = given(expected.qkv), mask = given(expected.mask), dy = given(expected.dy);
    Tensor y = at::full_like(dy, NAN), dqkv = at::full_like(qkv, NAN);
    Tensor log_sums = at::full({c.rows, c.heads, c.length}, NAN);
    const cpu::AttentionRows<T> rows = {cpu::in<T>(qkv),
                                        mask.defined() ? cpu::in<T>(mask) : nullptr,
                                        c.mask == std::string("trees") ? c.length * c.length : 0,
                                        cpu::out<T>(y),
                                        cpu::out<float>(log_sums),
                                        c.length,
                                        c.heads,
                                        c.kv,
                                        c.hd};
    const cpu::Kernels<T>& kernels = cpu::kernel_table(GetParam()).of(T{});
    const auto in_ranges = [](int64_t items, int64_t floats, const auto& run) {
      for (int64_t begin = 0, count = 1; begin < items; begin += count, ++count) {
        std::vector<float> scratch(static_cast<size_t>(floats), NAN);
        run(scratch.data(), begin, std::min(begin + count, items));
      }
    };
    in_ranges(c.rows * c.heads, rows.scratch(),
              [&](float* scratch, int64_t begin, int64_t end) { kernels.attend_rows(rows, scratch, begin, end); });
    near(y, expected.y, "the result");
    const cpu::AttentionGradient<T> gradient = {rows, cpu::in<T>(dy), cpu::out<T>(dqkv)};
    in_ranges(c.rows * c.kv, gradient.scratch(), [&](float* scratch, int64_t begin, int64_t end) {
      kernels.attend_rows_backward(gradient, scratch, begin, end);
    });
    near(dqkv, expected.dqkv, "the gradient");
  }
};

TEST_P(AttentionKernels, EqualTheFormula) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(show(c));
    check<float>(c, at::kFloat);
    check<cpu::Bf16>(c, at::kBFloat16);
    check<cpu::Half>(c, at::kHalf);
  }
}

std::string isa_of(const ::testing::TestParamInfo<Isa>& info) {
  const char* const isa[] = {"Portable", "Avx2", "Avx512"};
  return isa[static_cast<int>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Versions, AttentionKernels, ::testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvx512),
                         isa_of);

}  // namespace
}  // namespace shorten::kernels
