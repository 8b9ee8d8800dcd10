// SPDX-License-Identifier: Apache-2.0
#include "model/block.h"

#include "kernels/attention.h"
#include "kernels/decode.h"
#include "kernels/ops.h"

namespace shorten::model {

Tensor Context::mask(const std::optional<int64_t>& window) const {
  return window && *window < length ? windows.at(*window) : tree;
}

Tensor Block::forward(const Tensor& x, const Context& context, KvCache* cache) const {
  using kernels::Residual;
  return mlp(attention(x, context, cache, cache ? Residual::kUsedUp : Residual::kKept), Residual::kUsedUp,
             context.observer);
}

Tensor Block::attention(const Tensor& x, const Context& context) const {
  return attention(x, context, nullptr, kernels::Residual::kKept);
}

Tensor Block::mlp(const Tensor& x) const { return mlp(x, kernels::Residual::kKept, nullptr); }

kernels::Branches Block::projections(const Tensor& x, const Context& context) const {
  const int64_t n = x.size(0), t = x.size(1), heads = spec.heads, kv = spec.kv_heads, hd = spec.head_dim;
  const auto [stacked, past] = qkv.after(input_norm, x);
  Tensor projected = stacked.view({n, t, heads + 2 * kv, hd});
  if (q_norm.weight.defined()) {
    const std::vector<Tensor> parts = projected.split_with_sizes({heads, kv, kv}, 2);
    projected = at::cat({q_norm(parts[0]), k_norm(parts[1]), parts[2]}, 2);
  }
  const int64_t angles = context.rope.cos.size(0);  // T, or N T
  projected = kernels::rope(projected.view({-1, angles, heads + 2 * kv, hd}), context.rope.cos, context.rope.sin,
                            heads + kv);  // the v heads stay as they are
  return {projected.view({n, t, heads + 2 * kv, hd}), past};
}

void Block::remember(const Tensor& x, const Context& context, KvCache& cache) const {
  kernels::cache_rows(projections(x, context).y, cache.keys, cache.values);
}

Tensor Block::attention(const Tensor& x, const Context& context, KvCache* cache, kernels::Residual use) const {
  const auto [projected, past] = projections(x, context);  // [N, T, H + 2 K, hd]
  if (cache) kernels::cache_rows(projected, cache->keys, cache->values);
  const Tensor heads = kernels::attention(projected, spec.heads, spec.kv_heads, context.mask(spec.window));
  if (context.observer) (*context.observer)(Projection::kO, heads);
  return o.add_to(past, heads, use);
}

Tensor Block::mlp(const Tensor& x, kernels::Residual use, const InputObserver* observer) const {
  const auto [stacked, past] = gate_up.after(post_attention_norm, x);  // [N, T, 2 I]
  if (!observer) return down.add_swiglu_to(past, stacked, use);
  const Tensor units = kernels::swiglu(stacked);
  (*observer)(Projection::kDown, units);
  return down.add_to(past, units, use);
}

Tensor Block::step(const Tensor& x, const Rope& rope, const Tensor& position, KvCache& cache) const {
  const int64_t rows = x.size(0), heads = spec.heads + 2 * spec.kv_heads;
  const Tensor projected =
      kernels::norm_linear(x, input_norm.weight, input_norm.eps, qkv.weight, qkv.bias);  // [R, (H + 2 K) hd]
  const Tensor q = kernels::rope_append(projected.view({rows, heads, spec.head_dim}), q_norm.weight, k_norm.weight,
                                        q_norm.eps, rope.cos, rope.sin, position, cache.keys, cache.values);
  const Tensor mixed =
      kernels::cached_attention(q, cache.keys, cache.values, position, spec.window.value_or(0));  // [R, H hd]
  const Tensor attended = kernels::linear_add(x, mixed, o.weight, o.bias);                        // [R, D]
  const Tensor middle = kernels::norm_swiglu(attended, post_attention_norm.weight, post_attention_norm.eps,
                                             gate_up.weight, gate_up.bias);  // [R, I]
  return kernels::linear_add(attended, middle, down.weight, down.bias);
}

std::vector<Parameter> Block::parameters() const {
  std::vector<Parameter> out;
  for (const family::Module& m : family::modules_of(spec)) {
    const std::string weight = m.name + ".weight", bias = m.name + ".bias";
    for_each_norm(*this, [&](family::Slot slot, const RmsNorm& norm) {
      if (slot == m.slot) out.push_back({weight, norm.weight, m.begin, m.rows, true});
    });
    for_each_linear(*this, [&](family::Slot slot, const Linear& linear) {
      if (slot != m.slot) return;
      out.push_back({weight, linear.weight.dense(), m.begin, m.rows});
      if (m.bias) out.push_back({bias, linear.bias, m.begin, m.rows});
    });
  }
  return out;
}

Block make_block(const family::BlockSpec& spec, double eps, at::TensorOptions options) {
  Block block;
  block.spec = spec;
  for_each_linear(block, [&](family::Slot slot, Linear& linear) {
    const std::vector<family::Module> stacked = family::modules_in(spec, slot);
    if (stacked.empty()) return;
    const family::Module& last = stacked.back();
    const int64_t rows = last.begin + last.rows;
    linear = {at::empty({rows, last.columns}, options), last.bias ? at::empty({rows}, options) : Tensor()};
  });
  for_each_norm(block, [&](family::Slot slot, RmsNorm& norm) {
    const std::vector<family::Module> one = family::modules_in(spec, slot);
    if (!one.empty()) norm = {at::empty({one.front().rows}, options), eps};
  });
  return block;
}

}  // namespace shorten::model
