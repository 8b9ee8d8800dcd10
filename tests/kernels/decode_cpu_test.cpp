// SPDX-License-Identifier: Apache-2.0
// The decoding kernels of every instruction set that this machine runs, on plain pointers and against fp64; and
// what the operators on a CPU promise beyond their formulas: that threads and neighbours do not change a bit.
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"
#include "kernels/decode.h"
#include "kernels/exact.h"

namespace shorten::kernels {
namespace {

using cpu::Isa;

// The exact results, of the very values that the dtype holds.
Tensor exact_norm(const Tensor& x, const Tensor& norm) {
  return wide(x) * (wide(x).square().mean(-1, true) + 1e-5).rsqrt() * wide(norm);
}
Tensor exact_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const Tensor& position,
                       int64_t window) {
  Tensor out = at::empty(q.sizes(), at::kDouble);
  for (int64_t r = 0; r < q.size(0); ++r) {
    const int64_t last = position[r].item<int64_t>(), first = window > 0 ? std::max<int64_t>(0, last - window + 1) : 0;
    for (int64_t h = 0; h < q.size(1); ++h) {
      const int64_t kv = h / (q.size(1) / keys.size(1));
      const Tensor k = wide(keys[r][kv].slice(0, first, last + 1)), v = wide(values[r][kv].slice(0, first, last + 1));
      const Tensor scores = at::mv(k, wide(q[r][h])) / std::sqrt(static_cast<double>(q.size(2)));
      out[r][h] = at::mv(v.t(), scores.softmax(0));
    }
  }
  return out;
}

struct Version {
  Isa isa;
  at::ScalarType dtype;
};

class DecodeCpu : public ::testing::TestWithParam<Version> {
 protected:
  void SetUp() override {
    if (!cpu::runs(GetParam().isa)) GTEST_SKIP() << "not on this machine";
    at::manual_seed(11);
  }
  Tensor random(at::IntArrayRef shape) const { return at::randn(shape).to(GetParam().dtype); }
  // The same at an address that is a multiple of the element's size and of nothing more.
  Tensor unaligned(const Tensor& x) const {
    Tensor room = at::empty({x.numel() + 1}, x.options());
    return room.narrow(0, 1, x.numel()).view(x.sizes()).copy_(x);
  }
  double tolerance() const {
    return GetParam().dtype == at::kFloat ? 1e-5 : GetParam().dtype == at::kHalf ? 2e-3 : 5e-3;
  }
  template <typename T>
  static Tensor prepare(const cpu::Kernels<T>& kernels, const Tensor& x, const T* norm) {
    Tensor prepared = at::empty({x.numel() / x.size(-1), cpu::prepared_row(x.size(-1))}, at::kFloat);
    kernels.prepare(cpu::in<T>(x), norm, 1e-5f, cpu::out<float>(prepared), prepared.size(0), x.size(-1));
    return prepared;
  }
  // A product in two ranges, the second of which ends where a block does not.
  Tensor product(const Tensor& x, const Tensor& norm, const Tensor& weight, const Tensor& bias, const Tensor& residual,
                 bool gated) const {
    const int64_t n = weight.size(0) / (gated ? 2 : 1), middle = n / 2 / cpu::kOutputBlock * cpu::kOutputBlock;
    Tensor y = at::full({x.size(0), n}, NAN, x.options());
    cpu::by_dtype(x, [&](auto tag) {
      using T = decltype(tag);
      const cpu::Kernels<T>& kernels = cpu::kernel_table(GetParam().isa).of(T{});
      const auto maybe = [](const Tensor& t) { return t.defined() ? cpu::in<T>(t) : nullptr; };
      const Tensor prepared = prepare<T>(kernels, x, maybe(norm));
      const cpu::ProductTask<T> task = {cpu::in<float>(prepared), cpu::in<T>(weight), maybe(bias), maybe(residual),
                                        cpu::out<T>(y),           x.size(0),          n,           x.size(1)};
      const auto run = gated ? kernels.swiglu : kernels.linear;
      run(task, 0, middle);
      run(task, middle, n);
    });
    return y;
  }
};

TEST_P(DecodeCpu, Products) {
  for (const int64_t k : {1, 7, 8, 24, 31, 192, 1000, 4104}) {
    for (const int64_t n : {1, 3, 7, 192, 1003}) {
      const Tensor weight = unaligned(random({n, k})), bias = random({n}), norm = random({k});
      for (const int64_t rows : {1, 2, 3, 5, 8, 11, 16}) {
        const Tensor x = random({rows, k}), residual = random({rows, n});
        const std::string where = std::to_string(rows) + " x " + std::to_string(k) + " x " + std::to_string(n);
        EXPECT_LT(error(product(x, norm, weight, {}, {}, false), at::linear(exact_norm(x, norm), wide(weight))),
                  tolerance())
            << where;
        EXPECT_LT(error(product(x, {}, weight, bias, residual, false),
                        wide(residual) + at::linear(wide(x), wide(weight), wide(bias))),
                  tolerance())
            << where;
      }
    }
  }
}

TEST_P(DecodeCpu, GatedProducts) {
  for (const int64_t k : {1, 24, 31, 1000}) {
    for (const int64_t n : {1, 7, 192}) {
      const Tensor weight = unaligned(random({2 * n, k})), bias = random({2 * n}), norm = random({k});
      for (const int64_t rows : {1, 4, 7, 16}) {
        const Tensor x = random({rows, k});
        for (const Tensor& b : {Tensor(), bias}) {
          Tensor both = at::linear(exact_norm(x, norm), wide(weight));
          if (b.defined()) both = both + wide(b);
          const Tensor gate = both.narrow(1, 0, n), exact = gate / (1 + (-gate).exp()) * both.narrow(1, n, n);
          EXPECT_LT(error(product(x, norm, weight, b, {}, true), exact), tolerance()) << rows << " " << k << " " << n;
        }
      }
    }
  }
}

TEST_P(DecodeCpu, ARowIsTheSameAloneAndAmongOthers) {
  const Tensor x = random({16, 1000}), norm = random({1000}), weight = random({47, 1000});
  const Tensor all = product(x, norm, weight, {}, {}, false);
  for (const int64_t rows : {1, 3, 6}) {
    EXPECT_TRUE(at::equal(product(x.narrow(0, 0, rows), norm, weight, {}, {}, false), all.narrow(0, 0, rows))) << rows;
  }
}

TEST_P(DecodeCpu, ConversionsAreExact) {
  // Every number of the dtype, through a product with 1.
  if (GetParam().dtype == at::kFloat) GTEST_SKIP() << "nothing is converted";
  const Tensor all = at::arange(65536, at::kInt).to(at::kShort).view(GetParam().dtype).reshape({-1, 1});
  const Tensor same = product(at::ones({1, 1}, all.options()), {}, all, {}, {}, false);
  EXPECT_TRUE(at::allclose(wide(same.flatten()), wide(all.flatten()), 0, 0, true));
}

TEST_P(DecodeCpu, Attention) {
  struct Shape {
    int64_t heads, kv, hd, capacity, window;
  };
  for (const Shape& s : {Shape{4, 4, 32, 40, 0}, Shape{8, 2, 64, 700, 0}, Shape{6, 2, 80, 600, 300},
                         Shape{20, 1, 128, 300, 7}, Shape{2, 1, 6, 513, 0}}) {
    for (const int64_t rows : {1, 3}) {
      const Tensor q = random({rows, s.heads, s.hd}), position = at::randint(s.capacity, {rows}, at::kLong);
      position[0] = s.capacity - 1;
      if (rows > 1) position[1] = 0;
      Tensor keys = random({rows, s.kv, s.capacity, s.hd}), values = random({rows, s.kv, s.capacity, s.hd});
      for (int64_t r = 0; r < rows; ++r) {  // what is not written yet may be anything
        keys[r].slice(1, position[r].item<int64_t>() + 1).fill_(NAN);
        values[r].slice(1, position[r].item<int64_t>() + 1).fill_(NAN);
      }
      Tensor y = at::full({rows, s.heads, s.hd}, NAN, q.options());
      cpu::by_dtype(q, [&](auto tag) {
        using T = decltype(tag);
        const cpu::Kernels<T>& kernels = cpu::kernel_table(GetParam().isa).of(T{});
        const Tensor prepared = prepare<T>(kernels, q, nullptr);
        cpu::AttentionTask<T> task = {cpu::in<float>(prepared),
                                      cpu::in<T>(keys),
                                      cpu::in<T>(values),
                                      cpu::in<int64_t>(position),
                                      nullptr,
                                      cpu::out<T>(y),
                                      s.heads,
                                      s.kv,
                                      s.capacity,
                                      s.hd,
                                      s.window,
                                      0};
        task.pieces = task.pieces_of(0) + 1;  // one more than is needed
        for (int64_t r = 1; r < rows; ++r) task.pieces = std::max(task.pieces, task.pieces_of(r));
        const Tensor parts = at::full({rows * s.heads * task.pieces * task.part_size()}, NAN);
        task.parts = cpu::out<float>(parts);
        kernels.attend(task, 0, rows * s.kv * task.pieces);
        kernels.merge(task, 0, rows * s.heads);
      });
      EXPECT_LT(error(y, exact_attention(q, keys, values, position, s.window)), tolerance())
          << rows << " rows, head size " << s.hd;
    }
  }
}

TEST_P(DecodeCpu, RopeAppend) {
  for (const int64_t hd : {2, 32, 64, 80, 128}) {
    const int64_t rows = 3, heads = 4, kv = 2, capacity = 9, half = hd / 2;
    const Tensor qkv = random({rows, heads + 2 * kv, hd}), position = at::tensor({8, 0, 3}, at::kLong);
    const Tensor angle = at::rand({capacity, half}, at::kDouble) * 100;
    const Tensor cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
    for (const bool normed : {false, true}) {
      const Tensor q_norm = random({hd}), k_norm = random({hd});
      Tensor keys = random({rows, kv, capacity, hd}), values = random({rows, kv, capacity, hd});
      const Tensor keys_before = keys.clone(), values_before = values.clone();
      Tensor q = at::full({rows, heads, hd}, NAN, qkv.options());
      cpu::by_dtype(qkv, [&](auto tag) {
        using T = decltype(tag);
        const cpu::RopeTask<T> task = {cpu::in<T>(qkv),
                                       normed ? cpu::in<T>(q_norm) : nullptr,
                                       normed ? cpu::in<T>(k_norm) : nullptr,
                                       cpu::in<float>(cos),
                                       cpu::in<float>(sin),
                                       cpu::in<int64_t>(position),
                                       cpu::out<T>(q),
                                       cpu::out<T>(keys),
                                       cpu::out<T>(values),
                                       heads,
                                       kv,
                                       capacity,
                                       hd,
                                       1e-5f};
        cpu::kernel_table(GetParam().isa).of(T{}).rope(task, 0, rows * (heads + 2 * kv));
      });
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t at = position[r].item<int64_t>();
        const auto turned = [&](const Tensor& x, const Tensor& norm) {
          const Tensor y = normed ? exact_norm(x, norm) : wide(x);
          const Tensor a = y.narrow(1, 0, half), b = y.narrow(1, half, half), c = wide(cos[at]), s = wide(sin[at]);
          return at::cat({a * c - b * s, b * c + a * s}, 1);
        };
        EXPECT_LT(error(q[r], turned(qkv[r].narrow(0, 0, heads), q_norm)), tolerance()) << hd;
        EXPECT_LT(error(keys[r].select(1, at), turned(qkv[r].narrow(0, heads, kv), k_norm)), tolerance()) << hd;
        EXPECT_TRUE(at::equal(values[r].select(1, at), qkv[r].narrow(0, heads + kv, kv)));
        keys[r].select(1, at).copy_(keys_before[r].select(1, at));
        values[r].select(1, at).copy_(values_before[r].select(1, at));
      }
      EXPECT_TRUE(at::equal(keys, keys_before) && at::equal(values, values_before));  // nothing else is touched
    }
  }
}

std::string version_name(const ::testing::TestParamInfo<Version>& info) {
  const char* const isa[] = {"Portable", "Avx2", "Avx512"};
  return std::string(isa[static_cast<int>(info.param.isa)]) + at::toString(info.param.dtype);
}

INSTANTIATE_TEST_SUITE_P(Versions, DecodeCpu,
                         ::testing::Values(Version{Isa::kPortable, at::kFloat}, Version{Isa::kPortable, at::kBFloat16},
                                           Version{Isa::kPortable, at::kHalf}, Version{Isa::kAvx2, at::kFloat},
                                           Version{Isa::kAvx2, at::kBFloat16}, Version{Isa::kAvx2, at::kHalf},
                                           Version{Isa::kAvx512, at::kFloat}, Version{Isa::kAvx512, at::kBFloat16},
                                           Version{Isa::kAvx512, at::kHalf}),
                         version_name);

class DecodeOperators : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { at::manual_seed(12); }
  void TearDown() override { at::set_num_threads(threads_); }
  Tensor random(at::IntArrayRef shape) const { return at::randn(shape).to(GetParam()); }

 private:
  const int threads_ = at::get_num_threads();
};

TEST_P(DecodeOperators, RunOnSeveralThreads) {
  at::set_num_threads(2);
  std::set<std::thread::id> threads;
  std::mutex mutex;
  at::parallel_for(0, 2, 1, [&](int64_t, int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(threads.size(), 2u);
}

TEST_P(DecodeOperators, DoNotDependOnTheNumberOfThreads) {
  const int64_t rows = 3, d = 1000, hd = 64, capacity = 1100;
  const Tensor x = random({rows, d}), norm = random({d}), weight = random({2 * 1003, d}), q = random({rows, 8, hd});
  const Tensor residual = random({rows, 2006});
  const Tensor keys = random({rows, 2, capacity, hd}), values = random({rows, 2, capacity, hd});
  const Tensor position = at::tensor({1099, 5, 700}, at::kLong);
  std::vector<Tensor> once;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    const std::vector<Tensor> results = {norm_linear(x, norm, 1e-5, weight, {}), norm_swiglu(x, norm, 1e-5, weight, {}),
                                         linear_add(residual, x, weight, {}),
                                         cached_attention(q, keys, values, position, 0)};
    if (once.empty()) once = results;
    for (size_t i = 0; i < results.size(); ++i) EXPECT_TRUE(at::equal(results[i], once[i])) << i;
  }
}

TEST_P(DecodeOperators, DoNotHideNan) {
  Tensor x = random({2, 64}), q = random({2, 2, 32});
  const Tensor norm = random({64}), weight = random({50, 64}), cache = random({2, 1, 4, 32});
  x[1][3] = NAN;
  q[1][1][0] = NAN;
  for (const Tensor& y :
       {norm_linear(x, norm, 1e-5, weight, {}), norm_swiglu(x, norm, 1e-5, weight, {}),
        linear_add(random({2, 50}), x, weight, {}),
        cached_attention(q, cache, cache, at::tensor({3, 3}, at::kLong), 0).view({4, 32}).slice(0, 2)}) {
    EXPECT_TRUE(y[1].isnan().all().item<bool>());
    EXPECT_FALSE(y[0].isnan().any().item<bool>());
  }
}

TEST_P(DecodeOperators, AreTheirPlainForms) {
  const Tensor x = random({5, 192}), norm = random({192}), weight = random({256, 192}), bias = random({256});
  const double tolerance = GetParam() == at::kFloat ? 1e-5 : GetParam() == at::kHalf ? 5e-3 : 4e-2;  // rounds twice
  EXPECT_LT(error(norm_linear(x, norm, 1e-5, weight, bias), wide(plain::norm_linear(x, norm, 1e-5, weight, bias))),
            tolerance);
  EXPECT_LT(error(norm_swiglu(x, norm, 1e-5, weight, bias), wide(plain::norm_swiglu(x, norm, 1e-5, weight, bias))),
            tolerance);
  const Tensor residual = random({5, 256});
  EXPECT_LT(error(linear_add(residual, x, weight, bias), wide(plain::linear_add(residual, x, weight, bias))),
            tolerance);
  const Tensor qkv = random({5, 8, 32}), position = at::tensor({0, 3, 1, 8, 2}, at::kLong);
  const Tensor angle = at::rand({9, 16}) * 100, cos = angle.cos(), sin = angle.sin(), head_norm = random({32});
  Tensor keys = random({5, 2, 9, 32}), values = random({5, 2, 9, 32});
  Tensor plain_keys = keys.clone(), plain_values = values.clone();
  const Tensor q = rope_append(qkv, head_norm, head_norm, 1e-5, cos, sin, position, keys, values);
  const Tensor plain_q =
      plain::rope_append(qkv, head_norm, head_norm, 1e-5, cos, sin, position, plain_keys, plain_values);
  EXPECT_LT(error(q, wide(plain_q)), tolerance);
  EXPECT_LT(error(keys, wide(plain_keys)), tolerance);
  EXPECT_TRUE(at::equal(values, plain_values));
  EXPECT_LT(error(cached_attention(q, keys, values, position, 3),
                  wide(plain::cached_attention(q, keys, values, position, 3))),
            tolerance);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, DecodeOperators, ::testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return std::string(at::toString(info.param)); });

}  // namespace
}  // namespace shorten::kernels
