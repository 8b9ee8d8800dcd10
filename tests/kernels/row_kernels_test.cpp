// SPDX-License-Identifier: Apache-2.0
// The element-wise kernels of every instruction set that this machine runs. ops_test and projection_test hold the best
// of them against fp64; here the others are held against it.
#include "kernels/cpu/row_kernels.h"

#include <gtest/gtest.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"

namespace shorten::kernels {
namespace {

using cpu::in, cpu::out, cpu::Isa;

constexpr int64_t kRows = 3;

class RowKernels : public ::testing::TestWithParam<std::tuple<Isa, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (!cpu::runs(std::get<0>(GetParam()))) GTEST_SKIP() << "not on this machine";
    at::manual_seed(5);
  }

  static at::ScalarType dtype() { return std::get<1>(GetParam()); }
  static Tensor random(at::IntArrayRef shape) { return at::randn(shape).to(dtype()); }

  // run(kernels, T{}, y) with the kernels at hand and with the best ones: both fill a y of this shape.
  template <typename Run>
  static void compare(at::IntArrayRef shape, at::ScalarType type, const Run& run) {
    const Tensor y = at::full(shape, NAN, type), expected = at::full(shape, NAN, type);
    cpu::by_dtype(at::empty({}, dtype()), [&](auto tag) {
      using T = decltype(tag);
      run(cpu::kernel_table(std::get<0>(GetParam())).of(T{}), tag, y);
      run(cpu::kernel_table().of(T{}), tag, expected);
    });
    const double tolerance = type == at::kFloat ? 1e-6 : type == at::kHalf ? 1e-3 : 8e-3;  // one rounding
    EXPECT_TRUE(at::allclose(y.to(at::kDouble), expected.to(at::kDouble), tolerance, tolerance)) << shape;
  }
};

TEST_P(RowKernels, AgreeWithTheBest) {
  for (const int64_t n : {1, 3, 16, 37, 64, 130}) {
    const Tensor x = random({kRows, n}), wide = random({kRows, 2 * n}), weight = random({n}), dy = random({kRows, n});
    const Tensor places = at::arange(kRows, at::kLong) + 7;
    const auto like = [&](auto run) { compare({kRows, n}, dtype(), run); };
    like([&](const auto& k, auto t, const Tensor& y) {
      using T = decltype(t);
      k.rms_norm_rows(in<T>(x), in<T>(weight), out<T>(y), kRows, n, 1e-5f);
    });
    like([&](const auto& k, auto t, const Tensor& y) {
      using T = decltype(t);
      k.swiglu_rows(in<T>(wide), out<T>(y), kRows, n);
    });
    like([&](const auto& k, auto t, const Tensor& y) {
      using T = decltype(t);
      k.rms_norm_backward_rows(in<T>(dy), in<T>(x), in<T>(weight), in<T>(dy), out<T>(y), nullptr, kRows, n, 1e-5f);
    });
    like([&](const auto& k, auto t, const Tensor& y) {
      using T = decltype(t);
      k.dropout_rows(in<T>(x), in<int64_t>(places), out<T>(y), kRows, n, 1u << 30, 4.0f / 3, 123456789012345);
    });
    compare({kRows, 2 * n}, dtype(), [&](const auto& k, auto t, const Tensor& dx) {
      using T = decltype(t);
      k.swiglu_backward_rows(in<T>(dy), in<T>(wide), out<T>(dx), nullptr, kRows, n);
    });
    compare({kRows}, at::kFloat, [&](const auto& k, auto t, const Tensor& sums) {
      using T = decltype(t);
      k.log_sum_exp_rows(in<T>(x), out<float>(sums), kRows, n);
    });
    const Tensor heads = random({kRows, 3, 2 * n}), cos = at::rand({2, n}), sin = at::rand({2, n});
    compare({kRows, 3, 2 * n}, dtype(), [&](const auto& k, auto t, const Tensor& y) {
      using T = decltype(t);
      k.rope_rows(in<T>(heads), out<T>(y), in<float>(cos), in<float>(sin), -1, 1, kRows, 2, 3, 2, n);
    });
  }
}

std::string version(const ::testing::TestParamInfo<std::tuple<Isa, at::ScalarType>>& info) {
  const char* const isa[] = {"Portable", "Avx2", "Avx512"};
  return std::string(isa[static_cast<int>(std::get<0>(info.param))]) + at::toString(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Versions, RowKernels,
                         ::testing::Combine(::testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvx512),
                                            ::testing::Values(at::kFloat, at::kBFloat16, at::kHalf)),
                         version);

}  // namespace
}  // namespace shorten::kernels
