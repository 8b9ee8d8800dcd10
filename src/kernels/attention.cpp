// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/dispatch.h"

TORCH_LIBRARY_FRAGMENT(shorten, m) {
  m.def("attention(Tensor qkv, int heads, int kv_heads, Tensor? mask) -> (Tensor, Tensor)");
  m.def(
      "attention_backward(Tensor dy, Tensor y, Tensor log_sums, Tensor qkv, int heads, int kv_heads, Tensor? mask) -> "
      "Tensor");
}

namespace shorten::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::tuple<Tensor, Tensor> run(const Tensor& qkv, int64_t heads, int64_t kv_heads, const Optional& mask) {
  static const auto op =
      find_operator<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, int64_t, const Optional&)>("shorten::attention");
  return op.call(qkv, heads, kv_heads, mask);
}

Tensor run_backward(const Tensor& dy, const Tensor& y, const Tensor& log_sums, const Tensor& qkv, int64_t heads,
                    int64_t kv_heads, const Optional& mask) {
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t,
                                              int64_t, const Optional&)>("shorten::attention_backward");
  return op.call(dy, y, log_sums, qkv, heads, kv_heads, mask);
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv, int64_t heads, int64_t kv_heads,
                        const Optional& mask) {
    const auto [y, log_sums] = run(qkv, heads, kv_heads, mask);
    ctx->save_for_backward({qkv, y, log_sums, mask.value_or(Tensor())});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["kv_heads"] = kv_heads;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Optional mask = optional(saved[3]);
    return {run_backward(gradients[0], saved[1], saved[2], saved[0], ctx->saved_data["heads"].toInt(),
                         ctx->saved_data["kv_heads"].toInt(), mask),
            Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor attention(const Tensor& qkv, int64_t heads, int64_t kv_heads, const Tensor& mask) {
  if (!qkv.is_cpu() || qkv.scalar_type() == at::kDouble) return plain::attention(qkv, heads, kv_heads, mask);
  if (at::GradMode::is_enabled()) return AttentionFunction::apply(qkv, heads, kv_heads, optional(mask));
  return std::get<0>(run(qkv, heads, kv_heads, optional(mask)));
}

Tensor plain::attention(const Tensor& qkv, int64_t heads, int64_t kv_heads, const Tensor& mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(qkv.size(3)));
  std::vector<Tensor> parts = qkv.split_with_sizes({heads, kv_heads, kv_heads}, 2);
  for (Tensor& part : parts) part = part.transpose(1, 2);  // [N, H or K, T, hd]
  bool grouped = heads != kv_heads;
  if (grouped && mask.defined() &&
      qkv.is_cuda()) {  // CUDA's fused kernels with a mask want as many key heads as query heads
    for (const size_t i : {1, 2}) parts[i] = parts[i].repeat_interleave(heads / kv_heads, 1);
    grouped = false;
  }
  const Tensor mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], optional(mask), 0.0,
                                                        !mask.defined(), scale, grouped);  // [N, H, T, hd]
  return mixed.transpose(1, 2).reshape({qkv.size(0), qkv.size(1), heads * qkv.size(3)});
}

}  // namespace shorten::kernels
