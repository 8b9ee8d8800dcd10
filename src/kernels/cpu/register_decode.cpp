// SPDX-License-Identifier: Apache-2.0
// The operators of a decoding step on a CPU: tensors in, kernels over all threads.
#include <torch/library.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"
#include "kernels/decode.h"

namespace shorten::kernels::cpu {
namespace {

static_assert(kMostDecodeRows <= kMostRows);

// What a thread of its own should have to read, so that waking it pays.
constexpr int64_t kGrainBytes = 128 * 1024;

template <typename Run>
void parallel_bytes(int64_t items, int64_t bytes_each, const Run& run) {
  at::parallel_for(0, items, std::max<int64_t>(1, kGrainBytes / bytes_each), run);
}

template <typename T>
const T* maybe(const Optional& x) {
  return x ? in<T>(*x) : nullptr;
}

// [rows, prepared_row(n)] fp32: rows of x as the products read them.
template <typename T>
Tensor prepare(const Tensor& x, const T* norm, double eps, int64_t n) {
  const int64_t rows = x.numel() / n;
  Tensor prepared = at::empty({rows, prepared_row(n)}, at::kFloat);
  kernel_table().of(T{}).prepare(in<T>(x), norm, static_cast<float>(eps), out<float>(prepared), rows, n);
  return prepared;
}

enum class Then { kAdd, kSwiglu };

// x [R, K] · weightᵀ, and what comes after it.
Tensor product(const Tensor& input, const Optional& norm, double eps, const Tensor& weight, const Optional& bias,
               const Optional& residual, Then then) {
  const Tensor x = input.contiguous();
  const int64_t rows = x.size(0), k = x.size(1), parts = then == Then::kSwiglu ? 2 : 1, n = weight.size(0) / parts;
  SHORTEN_CHECK(rows <= kMostRows && weight.is_contiguous() && weight.size(1) == k, "shapes of a product");
  SHORTEN_CHECK(weight.scalar_type() == x.scalar_type(), "dtypes of a product");
  Tensor y = at::empty({rows, n}, x.options());
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    const Kernels<T>& kernels = kernel_table().of(T{});
    const Tensor prepared = prepare(x, maybe<T>(norm), eps, k);
    const ProductTask<T> task = {
        in<float>(prepared), in<T>(weight), maybe<T>(bias), maybe<T>(residual), out<T>(y), rows, n, k};
    const int64_t blocks = (n + kOutputBlock - 1) / kOutputBlock, bytes = kOutputBlock * parts * k * sizeof(T);
    parallel_bytes(blocks, bytes, [&](int64_t begin, int64_t end) {
      const auto run = then == Then::kSwiglu ? kernels.swiglu : kernels.linear;
      run(task, begin * kOutputBlock, std::min(end * kOutputBlock, n));
    });
  });
  return y;
}

Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, const Optional& bias) {
  return product(x, norm, eps, weight, bias, {}, Then::kAdd);
}

Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, const Optional& bias) {
  return product(x, norm, eps, gate_up, bias, {}, Then::kSwiglu);
}

Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, const Optional& bias) {
  return product(x, {}, 0, weight, bias, residual.contiguous(), Then::kAdd);
}

Tensor rope_append(const Tensor& input, const Optional& q_norm, const Optional& k_norm, double eps, const Tensor& cos,
                   const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values) {
  const Tensor qkv = input.contiguous();
  const int64_t rows = qkv.size(0), hd = qkv.size(2), kv = keys.size(1), heads = qkv.size(1) - 2 * kv;
  SHORTEN_CHECK(keys.is_contiguous() && values.is_contiguous(), "caches are contiguous");
  SHORTEN_CHECK(cos.is_contiguous() && sin.is_contiguous() && position.is_contiguous(), "so are angles and positions");
  Tensor q = at::empty({rows, heads, hd}, qkv.options());
  by_dtype(qkv, [&](auto tag) {
    using T = decltype(tag);
    const RopeTask<T> task = {in<T>(qkv),
                              maybe<T>(q_norm),
                              maybe<T>(k_norm),
                              in<float>(cos),
                              in<float>(sin),
                              in<int64_t>(position),
                              out<T>(q),
                              out<T>(keys),
                              out<T>(values),
                              heads,
                              kv,
                              keys.size(2),
                              hd,
                              static_cast<float>(eps)};
    // Arithmetic and not reading is what it takes: some 16 times as long a byte.
    parallel_bytes(rows * (heads + 2 * kv), hd * 16 * sizeof(T),
                   [&](int64_t begin, int64_t end) { kernel_table().of(T{}).rope(task, begin, end); });
  });
  return q;
}

Tensor cached_attention(const Tensor& query, const Tensor& keys, const Tensor& values, const Tensor& position,
                        int64_t window) {
  const Tensor q = query.contiguous();
  const int64_t rows = q.size(0), heads = q.size(1), hd = q.size(2), kv = keys.size(1);
  SHORTEN_CHECK(keys.is_contiguous() && values.is_contiguous() && position.is_contiguous(), "caches are contiguous");
  Tensor y = at::empty({rows, heads * hd}, q.options());
  by_dtype(q, [&](auto tag) {
    using T = decltype(tag);
    const Kernels<T>& kernels = kernel_table().of(T{});
    const Tensor prepared = prepare<T>(q, nullptr, 0, hd);
    AttentionTask<T> task = {in<float>(prepared),
                             in<T>(keys),
                             in<T>(values),
                             in<int64_t>(position),
                             nullptr,
                             out<T>(y),
                             heads,
                             kv,
                             keys.size(2),
                             hd,
                             window,
                             0};
    int64_t seen = 0;
    for (int64_t r = 0; r < rows; ++r) {
      task.pieces = std::max(task.pieces, task.pieces_of(r));
      seen += task.position[r] + 1 - task.first(r);
    }
    const Tensor parts = at::empty({rows * heads * task.pieces * task.part_size()}, at::kFloat);
    task.parts = out<float>(parts);
    const int64_t items = rows * kv * task.pieces, bytes = seen * kv * 2 * hd * sizeof(T) / items;
    parallel_bytes(items, bytes, [&](int64_t begin, int64_t end) { kernels.attend(task, begin, end); });
    parallel_bytes(rows * heads, task.pieces * task.part_size() * sizeof(float),
                   [&](int64_t begin, int64_t end) { kernels.merge(task, begin, end); });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CPU, m) {
  m.impl("norm_linear", norm_linear);
  m.impl("norm_swiglu", norm_swiglu);
  m.impl("linear_add", linear_add);
  m.impl("rope_append", rope_append);
  m.impl("cached_attention", cached_attention);
  m.impl("cache_rows", plain::cache_rows);
}

}  // namespace shorten::kernels::cpu
