// SPDX-License-Identifier: Apache-2.0
// The operators of a decoding step against their formulas in fp64, on awkward sizes and extreme values.
#include "kernels/decode.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/exact.h"
#include "kernels/place.h"

namespace shorten::kernels {
namespace {

Tensor exact_norm(const Tensor& x, const Tensor& norm, double eps) {
  return wide(x) * (wide(x).square().mean(-1, true) + eps).rsqrt() * wide(norm);
}

Tensor exact_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = at::matmul(wide(x), wide(weight).t());
  return bias.defined() ? y + wide(bias) : y;
}

Tensor exact_swiglu(const Tensor& x) {
  const Tensor gate = x.chunk(2, 1)[0], up = x.chunk(2, 1)[1];
  return gate / (1 + (-gate).exp()) * up;
}

// [.., hd] turned by angles whose cos and sin [.., hd / 2] broadcast.
Tensor exact_rope(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const Tensor a = x.chunk(2, -1)[0], b = x.chunk(2, -1)[1];
  return at::cat({a * wide(cos) - b * wide(sin), b * wide(cos) + a * wide(sin)}, -1);
}

Tensor exact_attention(const Tensor& q, const Tensor& keys, const Tensor& values, const std::vector<int64_t>& position,
                       int64_t window) {
  const int64_t group = q.size(1) / keys.size(1);
  std::vector<Tensor> rows;
  for (int64_t r = 0; r < q.size(0); ++r) {
    const int64_t last = position[r], first = window > 0 ? std::max<int64_t>(0, last - window + 1) : 0;
    const Tensor k = wide(keys[r].narrow(1, first, last + 1 - first)).repeat_interleave(group, 0);  // [H, seen, hd]
    const Tensor v = wide(values[r].narrow(1, first, last + 1 - first)).repeat_interleave(group, 0);
    const Tensor scores = at::matmul(k, wide(q[r]).unsqueeze(2)).squeeze(2) / std::sqrt(static_cast<double>(q.size(2)));
    rows.push_back(at::matmul(scores.softmax(-1).unsqueeze(1), v).reshape({-1}));
  }
  return at::stack(rows);
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Decode : public PlaceTest {
 protected:
  // Values that the dtype can hold, on the device.
  Tensor place(const Tensor& x) const { return x.to(GetParam().device, GetParam().dtype); }
  Tensor random(at::IntArrayRef shape) const { return place(at::randn(shape, at::kDouble)); }
  Tensor weight(int64_t n, int64_t k) const { return place(at::randn({n, k}, at::kDouble) / std::sqrt(k)); }
  Tensor positions(const std::vector<int64_t>& at) const { return at::tensor(at, at::kLong).to(GetParam().device); }
  double tolerance() const {
    return GetParam().dtype == at::kFloat ? 1e-5 : GetParam().dtype == at::kHalf ? 2e-3 : 1e-2;
  }
  const at::NoGradGuard no_gradients;
};

struct Size {
  int64_t rows, k, n;
};

// Products are of values of about 1; few of them may all happen to be small. The last sizes are more than a block of a
// large device does at once.
std::vector<Size> sizes() {
  std::vector<Size> all;
  for (const int64_t k : {8, 24, 192, 1000, 4104})
    for (const int64_t n : {1, 7, 192, 1003})
      for (const int64_t rows : {1, 2, 3, 8, 9, 16}) all.push_back({rows, k, n});
  for (const int64_t rows : {1, 7, 16}) all.insert(all.end(), {{rows, 72, 9001}, {rows, 264, 30011}});
  return all;
}

TEST_P(Decode, NormLinear) {
  for (const auto& [rows, k, n] : sizes()) {
    const Tensor x = random({rows, k}), norm = random({k}), w = weight(n, k), bias = n % 2 ? random({n}) : Tensor();
    const Tensor exact = exact_linear(exact_norm(x, norm, 1e-5), w, bias);
    EXPECT_LT(error(norm_linear(x, norm, 1e-5, w, bias), exact, 1), tolerance()) << rows << " " << k << " " << n;
  }
}

TEST_P(Decode, NormSwiglu) {
  for (const auto& [rows, k, n] : sizes()) {
    const Tensor x = random({rows, k}), norm = random({k}), w = weight(2 * n, k);
    const Tensor bias = n % 2 ? random({2 * n}) : Tensor();
    const Tensor exact = exact_swiglu(exact_linear(exact_norm(x, norm, 1e-6), w, bias));
    EXPECT_LT(error(norm_swiglu(x, norm, 1e-6, w, bias), exact, 1), tolerance()) << rows << " " << k << " " << n;
  }
}

TEST_P(Decode, LinearAdd) {
  for (const auto& [rows, k, n] : sizes()) {
    const Tensor x = random({rows, k}), w = weight(n, k), bias = n % 2 ? random({n}) : Tensor();
    const Tensor residual = random({rows, n});
    const Tensor exact = wide(residual) + exact_linear(x, w, bias);
    EXPECT_LT(error(linear_add(residual, x, w, bias), exact, 1), tolerance()) << rows << " " << k << " " << n;
  }
}

TEST_P(Decode, MoreRowsThanKernelsTake) {
  const Tensor x = random({17, 64}), norm = random({64}), w = weight(24, 64), residual = random({17, 24});
  EXPECT_LT(error(norm_linear(x, norm, 1e-5, w, {}), exact_linear(exact_norm(x, norm, 1e-5), w, {})), 2 * tolerance());
  EXPECT_LT(error(linear_add(residual, x, w, {}), wide(residual) + exact_linear(x, w, {})), 2 * tolerance());
}

// x ∘ norm need not fit the dtype, only x and the result do.
TEST_P(Decode, NormOfLargeValues) {
  const Tensor x = place(at::randn({3, 512}, at::kDouble).clamp(-3, 3) * 2e4), norm = random({512}) * 2;
  const Tensor w = weight(40, 512);
  EXPECT_LT(error(norm_linear(x, norm, 1e-5, w, {}), exact_linear(exact_norm(x, norm, 1e-5), w, {})), tolerance());
}

// As in the first block, whose x are embeddings: x ∘ norm has fewer digits than x or the result where the dtype ends.
TEST_P(Decode, NormOfSmallValues) {
  for (const double size : {1e-2, 1e-3, 3e-4}) {
    const Tensor x = place(at::randn({3, 2048}, at::kDouble) * size), w = weight(48, 2048);
    const Tensor norm = place(at::rand({2048}, at::kDouble) * 0.06);
    const Tensor exact = exact_linear(exact_norm(x, norm, 1e-6), w, {});
    EXPECT_LT(error(norm_linear(x, norm, 1e-6, w, {}), exact), tolerance()) << size;
    const Tensor both = weight(96, 2048);
    const Tensor gated = exact_swiglu(exact_linear(exact_norm(x, norm, 1e-6), both, {}));
    EXPECT_LT(error(norm_swiglu(x, norm, 1e-6, both, {}), gated), 2 * tolerance()) << size;
  }
}

TEST_P(Decode, RowsAreIndependentAndNanIsNotHidden) {
  const Tensor norm = random({192}), w = weight(134, 192), x = random({9, 192}), residual = random({9, 134});
  for (const int64_t spoilt : {0, 3, 8}) {
    Tensor with_nan = x.clone();
    with_nan[spoilt][7] = kNan;
    const auto compare = [&](const Tensor& got, const Tensor& whole) {
      for (int64_t r = 0; r < 9; ++r) {
        if (r == spoilt) {
          EXPECT_TRUE(got[r].isnan().all().item<bool>()) << r;
        } else {
          EXPECT_TRUE(at::equal(got[r], whole[r])) << r;
        }
      }
    };
    compare(norm_linear(with_nan, norm, 1e-5, w, {}), norm_linear(x, norm, 1e-5, w, {}));
    compare(norm_swiglu(with_nan, norm, 1e-5, w, {}), norm_swiglu(x, norm, 1e-5, w, {}));
    compare(linear_add(residual, with_nan, w, {}), linear_add(residual, x, w, {}));
  }
}

TEST_P(Decode, CacheRows) {
  for (const int64_t hd : {2, 6, 32, 128}) {
    const Tensor projected = random({2, 7, 3 + 2 * 5, hd});
    const Tensor before = random({2, 5, 9, hd});
    Tensor keys = before.clone(), values = before.clone(), plain_keys = before.clone(), plain_values = before.clone();
    cache_rows(projected, keys, values);
    plain::cache_rows(projected, plain_keys, plain_values);
    EXPECT_TRUE(keys.equal(plain_keys) && values.equal(plain_values)) << hd;
    EXPECT_TRUE(keys[1][4][6].equal(projected[1][6][3 + 4]) && values[1][4][6].equal(projected[1][6][3 + 5 + 4]));
    EXPECT_TRUE(keys.narrow(2, 7, 2).equal(before.narrow(2, 7, 2))) << "what lies behind stays";
  }
}

TEST_P(Decode, RopeAppend) {
  struct Heads {
    int64_t q, kv;
  };
  const int64_t capacity = 50;
  const std::vector<int64_t> at = {0, 17, 49};
  for (const int64_t hd : {2, 6, 32, 64, 80, 128, 256}) {
    for (const auto& [heads, kv] : {Heads{4, 4}, Heads{4, 2}, Heads{6, 2}, Heads{8, 1}}) {
      for (const bool normed : {false, true}) {
        const Tensor qkv = random({3, heads + 2 * kv, hd}), angle = at::rand({capacity, hd / 2}, at::kDouble) * 100;
        const Tensor cos = angle.cos().to(at::kFloat).to(GetParam().device), sin = angle.sin().to(cos.options());
        const Tensor q_norm = normed ? random({hd}) : Tensor(), k_norm = normed ? random({hd}) : Tensor();
        Tensor keys = at::full({3, kv, capacity, hd}, kNan, qkv.options()), values = keys.clone();
        const Tensor q = rope_append(qkv, q_norm, k_norm, 1e-6, cos, sin, positions(at), keys, values);

        const Tensor c = cos.index_select(0, positions(at)).unsqueeze(1),
                     s = sin.index_select(0, positions(at)).unsqueeze(1);
        const Tensor q_in = qkv.narrow(1, 0, heads), k_in = qkv.narrow(1, heads, kv);
        const Tensor exact_q = exact_rope(normed ? exact_norm(q_in, q_norm, 1e-6) : wide(q_in), c, s);
        const Tensor exact_k = exact_rope(normed ? exact_norm(k_in, k_norm, 1e-6) : wide(k_in), c, s);
        EXPECT_LT(error(q, exact_q), tolerance()) << hd;
        for (int64_t r = 0; r < 3; ++r) {
          EXPECT_LT(error(keys[r].select(1, at[r]), exact_k[r]), tolerance()) << hd;
          EXPECT_TRUE(at::equal(values[r].select(1, at[r]), qkv[r].narrow(0, heads + kv, kv))) << hd;
        }
        EXPECT_EQ(keys.isnan().sum().item<int64_t>(), 3 * kv * (capacity - 1) * hd);
        EXPECT_EQ(values.isnan().sum().item<int64_t>(), 3 * kv * (capacity - 1) * hd);
      }
    }
  }
}

TEST_P(Decode, CachedAttention) {
  for (const int64_t hd : {8, 32, 64, 80, 128, 256}) {
    for (const int64_t group : {1, 2, 3, 8, 12}) {
      for (const int64_t window : {0, 1, 37, 4000}) {
        const int64_t kv = 2, capacity = 700;
        const std::vector<int64_t> at = {0, 699, 31, 320};
        const Tensor q = random({4, kv * group, hd});
        Tensor keys = random({4, kv, capacity, hd}), values = random({4, kv, capacity, hd});
        for (int64_t r = 0; r < 4; ++r) {  // what is not seen
          keys[r].narrow(1, at[r] + 1, capacity - 1 - at[r]).fill_(kNan);
          values[r].narrow(1, at[r] + 1, capacity - 1 - at[r]).fill_(kNan);
          if (window == 0 || at[r] < window) continue;
          keys[r].narrow(1, 0, at[r] - window + 1).fill_(kNan);
          values[r].narrow(1, 0, at[r] - window + 1).fill_(kNan);
        }
        EXPECT_LT(error(cached_attention(q, keys, values, positions(at), window),
                        exact_attention(q, keys, values, at, window)),
                  tolerance())
            << hd << " " << group << " " << window;
      }
    }
  }
}

TEST_P(Decode, CachedAttentionOverMuch) {
  const int64_t capacity = 9000;
  for (const int64_t group : {1, 5}) {
    const Tensor q = random({1, group, 64}), keys = random({1, 1, capacity, 64}), values = random({1, 1, capacity, 64});
    for (const int64_t at : {1, 500, 5000, 8999, 8998, 600}) {
      EXPECT_LT(error(cached_attention(q, keys, values, positions({at}), 0), exact_attention(q, keys, values, {at}, 0)),
                tolerance())
          << group << " " << at;
    }
  }
}

// More heads than a GPU has multiprocessors, of rows of different lengths.
TEST_P(Decode, CachedAttentionOfManyHeads) {
  const int64_t capacity = 150, heads = 20;
  const std::vector<int64_t> at = {0, 7, 31, 32, 76, 110, 140, 149};
  for (const int64_t hd : {32, 80, 256}) {
    for (const int64_t window : {0, 50}) {
      const Tensor q = random({8, heads, hd}), keys = random({8, heads, capacity, hd}),
                   values = random({8, heads, capacity, hd});
      EXPECT_LT(
          error(cached_attention(q, keys, values, positions(at), window), exact_attention(q, keys, values, at, window)),
          tolerance())
          << hd << " " << window;
    }
  }
}

TEST_P(Decode, CachedAttentionOfExtremeScores) {
  const Tensor q = random({1, 2, 64}) * 60, keys = random({1, 2, 90, 64}) * 60, values = random({1, 2, 90, 64});
  EXPECT_LT(error(cached_attention(q, keys, values, positions({89}), 0), exact_attention(q, keys, values, {89}, 0)),
            1e-2);  // the scores are in the thousands, and good to one in a million
}

TEST_P(Decode, AttentionDoesNotHideNan) {
  const Tensor q = random({2, 4, 64}), keys = random({2, 2, 90, 64}), values = random({2, 2, 90, 64});
  keys[1][0][80][3] = kNan;
  const Tensor mixed = cached_attention(q, keys, values, positions({89, 89}), 0).view({2, 2, 2, 64});
  EXPECT_TRUE(mixed[1][0].isnan().all().item<bool>());
  EXPECT_FALSE(mixed[1][1].isnan().any().item<bool>());
  EXPECT_FALSE(mixed[0].isnan().any().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Places, Decode, ::testing::ValuesIn(kEverywhere), name_of);

}  // namespace
}  // namespace shorten::kernels
