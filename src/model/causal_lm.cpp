// SPDX-License-Identifier: Apache-2.0
#include "model/causal_lm.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops.h"

namespace shorten::model {

void CausalLm::add_windows(Context& context, const std::function<Tensor(int64_t window)>& windowed) const {
  for (const family::BlockSpec& block : spec.blocks) {
    const auto& window = block.window;
    if (!window || *window >= context.length || context.windows.contains(*window)) continue;
    // 0 where a token may look, -inf elsewhere
    const Tensor seen = windowed(*window);
    context.windows[*window] = at::zeros_like(seen, embedding.options()).masked_fill_(~seen, -INFINITY);
  }
}

Context CausalLm::context(int64_t length) const {
  Context context;
  context.length = length;
  context.rope = make_rope(spec.rope, spec.blocks.front().head_dim, length, device());
  add_windows(context, [&](int64_t window) {
    // [T, T]: the diagonal and the window - 1 places before it.
    return at::ones({length, length}, at::TensorOptions(device()).dtype(at::kBool)).tril().triu(1 - window);
  });
  return context;
}

Context CausalLm::context(const TreeRows& trees) const {
  const int64_t n = trees.depth.size(0), t = trees.depth.size(1);
  Context context;
  context.length = t;
  const Rope rope = make_rope(spec.rope, spec.blocks.front().head_dim, trees.depth.max().item<int64_t>() + 1, device());
  const Tensor position = trees.depth.reshape({n * t});
  context.rope = {rope.cos.index_select(0, position), rope.sin.index_select(0, position)};

  // [N, T, T], token i seeing token j: j is not after i, and i lies below j.
  const Tensor index = at::arange(t, trees.end.options());
  const Tensor seen = (index.view({1, t}) <= index.view({t, 1})) & (index.view({1, t, 1}) < trees.end.view({n, 1, t}));
  context.tree = at::zeros({n, 1, t, t}, embedding.options()).masked_fill_(~seen.unsqueeze(1), -INFINITY);
  add_windows(context, [&](int64_t window) {
    const Tensor distance = trees.depth.view({n, t, 1}) - trees.depth.view({n, 1, t});
    return (seen & (distance < window)).unsqueeze(1);
  });
  return context;
}

Tensor CausalLm::embed(const Tensor& ids) const { return at::embedding(embedding, ids); }

Tensor CausalLm::head(const Tensor& hidden) const { return lm_head.after(final_norm, hidden).y; }

int64_t CausalLm::head_chunk() const {
  // On a CPU a chunk of logits should stay in the cache between the product and the sum over it; a
  // GPU wants work for all its multiprocessors.
  const int64_t chunk_bytes = device().is_cpu() ? int64_t{4} << 20 : int64_t{1} << 30;
  return std::max<int64_t>(32, chunk_bytes / (spec.vocabulary * static_cast<int64_t>(embedding.element_size())));
}

Tensor CausalLm::token_nll(const Tensor& hidden, const Tensor& targets) const {
  const int64_t rows = hidden.size(0), chunk = head_chunk();
  Tensor out = at::empty({rows}, targets.options().dtype(at::kFloat));
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t n = std::min(chunk, rows - begin);
    out.narrow(0, begin, n)
        .copy_(kernels::cross_entropy(head(hidden.narrow(0, begin, n)), targets.narrow(0, begin, n)));
  }
  return out;
}

}  // namespace shorten::model
