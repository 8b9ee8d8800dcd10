// SPDX-License-Identifier: Apache-2.0
// The operators of a decoding step on CUDA. What the kernels do not take (products in fp32 or of odd lengths, unusual
// heads) is left to the plain forms; those too may be captured in a graph.
#include <torch/library.h>

#include "kernels/cuda/decode.h"
#include "kernels/cuda/tensors.h"
#include "kernels/decode.h"

namespace shorten::kernels::cuda {
namespace {

using Optional = const std::optional<Tensor>&;

Tensor defined(Optional x) { return x.value_or(Tensor()); }
const void* data(const Tensor& x) { return x.defined() ? x.const_data_ptr() : nullptr; }

bool takes_product(const Tensor& x) { return x.scalar_type() != at::kFloat && x.size(1) > 0 && x.size(1) % 8 == 0; }

Tensor run_product(const Tensor& input, Optional norm, double eps, const Tensor& weight, Optional bias,
                   Optional residual, bool swiglu) {
  const c10::cuda::CUDAGuard guard(input.device());
  SHORTEN_CHECK(input.dim() == 2 && input.size(0) <= kMostDecodeRows, "a product of decoding takes [R, K], R <= 16");
  SHORTEN_CHECK(weight.dim() == 2 && weight.size(1) == input.size(1) && weight.scalar_type() == input.scalar_type(),
                "a weight that does not fit its input");
  const Tensor x = aligned(input), w = aligned(weight), add = residual ? residual->contiguous() : Tensor();
  const Tensor scale = norm ? aligned(*norm) : Tensor(), b = bias ? bias->contiguous() : Tensor();
  const int64_t n = weight.size(0) / (swiglu ? 2 : 1);
  Tensor out = at::empty({x.size(0), n}, x.options());
  if (out.numel() == 0) return out;
  Product p = {};
  p.x = data(x);
  p.norm = data(scale);
  p.weight = data(w);
  p.bias = data(b);
  p.residual = data(add);
  p.out = out.mutable_data_ptr();
  p.rows = static_cast<int>(x.size(0));
  p.n = static_cast<int>(n);
  p.k = static_cast<int>(x.size(1));
  p.eps = static_cast<float>(eps);
  p.swiglu = swiglu;
  C10_CUDA_CHECK(product(dtype_of(x), p, stream_of(x)));
  return out;
}

Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Tensor& weight, Optional bias) {
  if (!takes_product(x)) return plain::norm_linear(x, norm, eps, weight, defined(bias));
  return run_product(x, norm, eps, weight, bias, std::nullopt, false);
}

Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Tensor& gate_up, Optional bias) {
  if (!takes_product(x)) return plain::norm_swiglu(x, norm, eps, gate_up, defined(bias));
  return run_product(x, norm, eps, gate_up, bias, std::nullopt, true);
}

Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& weight, Optional bias) {
  if (!takes_product(x)) return plain::linear_add(residual, x, weight, defined(bias));
  return run_product(x, std::nullopt, 0, weight, bias, residual, false);
}

void check_caches(const Tensor& keys, const Tensor& values, const Tensor& position) {
  SHORTEN_CHECK(keys.is_contiguous() && values.is_contiguous(), "caches are contiguous [R, K, C, hd]");
  SHORTEN_CHECK(position.scalar_type() == at::kLong && position.is_contiguous(), "positions are int64 [R]");
}

Tensor run_rope_append(const Tensor& input, Optional q_norm, Optional k_norm, double eps, const Tensor& cos,
                       const Tensor& sin, const Tensor& position, Tensor& keys, Tensor& values) {
  const c10::cuda::CUDAGuard guard(input.device());
  check_caches(keys, values, position);
  SHORTEN_CHECK(cos.is_contiguous() && sin.is_contiguous(), "cos and sin are contiguous [C, hd / 2]");
  if (input.size(2) % 2 != 0 || input.size(2) > 256)
    return plain::rope_append(input, defined(q_norm), defined(k_norm), eps, cos, sin, position, keys, values);
  const Tensor qkv = input.contiguous();
  RopeAppend a = {};
  a.rows = qkv.size(0);
  a.kv_heads = keys.size(1);
  a.heads = qkv.size(1) - 2 * a.kv_heads;
  a.capacity = keys.size(2);
  a.head_size = qkv.size(2);
  a.eps = static_cast<float>(eps);
  Tensor q = at::empty({a.rows, a.heads, a.head_size}, qkv.options());
  a.qkv = data(qkv);
  a.q_norm = data(defined(q_norm));
  a.k_norm = data(defined(k_norm));
  a.cos = cos.const_data_ptr<float>();
  a.sin = sin.const_data_ptr<float>();
  a.position = position.const_data_ptr<int64_t>();
  a.q = q.mutable_data_ptr();
  a.keys = keys.mutable_data_ptr();
  a.values = values.mutable_data_ptr();
  if (a.rows > 0) C10_CUDA_CHECK(rope_append(dtype_of(qkv), a, stream_of(qkv)));
  return q;
}

Tensor run_cached_attention(const Tensor& input, const Tensor& keys, const Tensor& values, const Tensor& position,
                            int64_t window) {
  const c10::cuda::CUDAGuard guard(input.device());
  check_caches(keys, values, position);
  if (input.size(2) % 8 != 0 || input.size(2) > 256)
    return plain::cached_attention(input, keys, values, position, window);
  const Tensor q = aligned(input), k = aligned(keys), v = aligned(values);
  Attention a = {};
  a.rows = q.size(0);
  a.heads = q.size(1);
  a.head_size = q.size(2);
  a.kv_heads = k.size(1);
  a.capacity = k.size(2);
  a.window = window;
  Tensor out = at::empty({a.rows, a.heads * a.head_size}, q.options());
  if (out.numel() == 0) return out;
  const Tensor partial = at::empty({attention_scratch(a)}, q.options().dtype(at::kFloat));
  a.q = data(q);
  a.keys = data(k);
  a.values = data(v);
  a.position = position.const_data_ptr<int64_t>();
  a.out = out.mutable_data_ptr();
  a.partial = partial.mutable_data_ptr<float>();
  C10_CUDA_CHECK(cached_attention(dtype_of(q), a, stream_of(q)));
  return out;
}

void run_cache_rows(const Tensor& projected, Tensor& keys, Tensor& values) {
  const c10::cuda::CUDAGuard guard(keys.device());
  const Tensor from = aligned(projected);
  const int64_t kv = keys.size(1), heads = from.size(2) - 2 * kv;
  SHORTEN_CHECK(from.dim() == 4 && from.size(1) <= keys.size(2) && keys.is_contiguous() && values.is_contiguous() &&
                    from.scalar_type() == keys.scalar_type(),
                "rows that do not fit their cache");
  if (from.numel() == 0) return;
  C10_CUDA_CHECK(cache_rows(dtype_of(from), from.const_data_ptr(), keys.mutable_data_ptr(), values.mutable_data_ptr(),
                            from.size(0), from.size(1), heads, kv, from.size(3), keys.size(2), stream_of(from)));
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CUDA, m) {
  m.impl("norm_linear", norm_linear);
  m.impl("norm_swiglu", norm_swiglu);
  m.impl("linear_add", linear_add);
  m.impl("rope_append", run_rope_append);
  m.impl("cache_rows", run_cache_rows);
  m.impl("cached_attention", run_cached_attention);
}

}  // namespace shorten::kernels::cuda
