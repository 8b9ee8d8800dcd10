// SPDX-License-Identifier: Apache-2.0
#include "model/causal_lm.h"

#include <algorithm>

#include "kernels/ops.h"

namespace shorten::model {

Context CausalLm::context(int64_t length) const {
  Context context;
  context.length = length;
  context.rope = make_rope(spec.rope, blocks.front().spec.head_dim, length, device());
  for (const Block& block : blocks) {
    const auto& window = block.spec.window;
    if (!window || *window >= length || context.masks.contains(*window)) continue;
    // [T, T]: true on the diagonal and the window - 1 places before it.
    const Tensor all = at::ones({length, length}, at::TensorOptions(device()).dtype(at::kBool));
    context.masks[*window] = all.tril().triu(1 - *window);
  }
  return context;
}

Tensor CausalLm::embed(const Tensor& ids) const { return at::embedding(embedding, ids); }

Tensor CausalLm::head(const Tensor& hidden) const { return lm_head(final_norm(hidden)); }

Tensor CausalLm::token_nll(const Tensor& hidden, const Tensor& targets) const {
  // On a CPU a chunk of logits should stay in the cache between the product and the sum over it; a
  // GPU wants work for all its multiprocessors.
  const int64_t chunk_bytes = device().is_cpu() ? int64_t{4} << 20 : int64_t{1} << 30;
  const int64_t rows = hidden.size(0);
  const int64_t chunk =
      std::max<int64_t>(32, chunk_bytes / (spec.vocabulary * static_cast<int64_t>(hidden.element_size())));
  Tensor out = at::empty({rows}, targets.options().dtype(at::kFloat));
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t n = std::min(chunk, rows - begin);
    out.narrow(0, begin, n)
        .copy_(kernels::cross_entropy(head(hidden.narrow(0, begin, n)), targets.narrow(0, begin, n)));
  }
  return out;
}

}  // namespace shorten::model
