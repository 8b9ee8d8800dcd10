// SPDX-License-Identifier: Apache-2.0
// Attention over whole rows on a CPU: tensors in, kernels over all threads.
#include <torch/library.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"

namespace shorten::kernels::cpu {
namespace {

constexpr int64_t kGrainProducts = 1 << 20;  // multiplications that are worth a thread of their own

// Runs over ranges of `items` heads, each range with scratch of its own.
template <typename Run>
void by_heads(int64_t items, const Tensor& qkv, int64_t scratch, const Run& run) {
  const int64_t each = qkv.size(1) * qkv.size(1) * qkv.size(3);
  at::parallel_for(0, items, std::max<int64_t>(1, kGrainProducts / each), [&](int64_t begin, int64_t end) {
    const at::NoGradGuard guard;
    Tensor floats = at::empty({scratch}, at::kFloat);
    run(out<float>(floats), begin, end);
  });
}

// Of contiguous tensors.
template <typename T>
AttentionRows<T> rows_of(const Tensor& qkv, int64_t heads, int64_t kv, const Tensor& mask, Tensor& y,
                         Tensor& log_sums) {
  const int64_t t = qkv.size(1);
  const bool each = mask.defined() && mask.dim() == 4 && mask.size(0) > 1;
  return {in<T>(qkv),
          mask.defined() ? in<T>(mask) : nullptr,
          each ? t * t : 0,
          out<T>(y),
          out<float>(log_sums),
          t,
          heads,
          kv,
          qkv.size(3)};
}

Tensor checked(const Optional& mask, const Tensor& qkv) {
  if (!mask) return {};
  const int64_t n = qkv.size(0), t = qkv.size(1);
  SHORTEN_CHECK(mask->scalar_type() == qkv.scalar_type(), "the dtype of a mask");
  SHORTEN_CHECK(mask->numel() == t * t || mask->sizes() == at::IntArrayRef({n, 1, t, t}), "the shape of a mask");
  return mask->contiguous();
}

std::tuple<Tensor, Tensor> attention(const Tensor& input, int64_t heads, int64_t kv, const Optional& seen) {
  const Tensor qkv = input.contiguous(), mask = checked(seen, qkv);
  const int64_t n = qkv.size(0), t = qkv.size(1);
  Tensor y = at::empty({n, t, heads * qkv.size(3)}, qkv.options());
  Tensor log_sums = at::empty({n, heads, t}, qkv.options().dtype(at::kFloat));
  by_dtype(qkv, [&](auto tag) {
    using T = decltype(tag);
    const AttentionRows<T> task = rows_of<T>(qkv, heads, kv, mask, y, log_sums);
    by_heads(n * heads, qkv, task.scratch(), [&](float* scratch, int64_t begin, int64_t end) {
      kernel_table().of(T{}).attend_rows(task, scratch, begin, end);
    });
  });
  return {y, log_sums};
}

Tensor attention_backward(const Tensor& gradient, const Tensor& result, const Tensor& sums, const Tensor& input,
                          int64_t heads, int64_t kv, const Optional& seen) {
  const Tensor qkv = input.contiguous(), dy = gradient.contiguous(), mask = checked(seen, qkv);
  Tensor y = result, log_sums = sums, dqkv = at::empty_like(qkv);
  by_dtype(qkv, [&](auto tag) {
    using T = decltype(tag);
    const AttentionGradient<T> task = {rows_of<T>(qkv, heads, kv, mask, y, log_sums), in<T>(dy), out<T>(dqkv)};
    by_heads(qkv.size(0) * kv, qkv, task.scratch(), [&](float* scratch, int64_t begin, int64_t end) {
      kernel_table().of(T{}).attend_rows_backward(task, scratch, begin, end);
    });
  });
  return dqkv;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CPU, m) {
  m.impl("attention", attention);
  m.impl("attention_backward", attention_backward);
}

}  // namespace shorten::kernels::cpu
