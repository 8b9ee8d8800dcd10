// SPDX-License-Identifier: Apache-2.0
#include "model/decode.h"

#include <algorithm>
#include <set>

#include "kernels/decode.h"

namespace shorten::model {

DecodeState make_decode_state(const CausalLm& model, int64_t rows, int64_t capacity) {
  DecodeState state;
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    const family::BlockSpec& block = model.blocks.spec(i);
    const std::vector<int64_t> shape = {rows, block.kv_heads, capacity, block.head_dim};
    state.caches.push_back({at::empty(shape, model.embedding.options()), at::empty(shape, model.embedding.options())});
  }
  state.rope = make_rope(model.spec.rope, model.blocks.spec(0).head_dim, capacity, model.device());
  state.position = at::zeros({rows}, at::TensorOptions(model.device()).dtype(at::kLong));
  return state;
}

uint64_t decode_bytes(const family::ModelSpec& spec, int64_t element, int64_t rows, int64_t prompt, int64_t new_tokens,
                      bool draws) {
  const uint64_t caches = static_cast<uint64_t>(rows * (prompt + new_tokens)) *
                          family::kv_bytes_per_token(spec, static_cast<uint64_t>(element));
  const family::BlockSpec& block = spec.blocks.front();
  const int64_t attention = 2 * (block.heads + 2 * block.kv_heads) * block.head_dim, mlp = 3 * block.intermediate;
  const int64_t states = rows * prompt * (2 * spec.hidden + std::max(attention, mlp)) * element;
  std::set<int64_t> windows;  // each has a mask, [T, T]
  for (const family::BlockSpec& b : spec.blocks) {
    if (b.window && *b.window < prompt) windows.insert(*b.window);
  }
  const int64_t masks = static_cast<int64_t>(windows.size()) * prompt * prompt * (element + 2);
  // Logits, also in fp32; where tokens are drawn their order, and shares and sums in fp64.
  const int64_t choice = rows * spec.vocabulary * (element + (draws ? 64 : 24));
  return caches + static_cast<uint64_t>(states + masks + choice);
}

Tensor prefill(const CausalLm& model, DecodeState& state, const Tensor& ids, const Tensor& length) {
  const int64_t rows = ids.size(0), tokens = ids.size(1);
  Context context = model.context(tokens);
  context.rope = {state.rope.cos.narrow(0, 0, tokens), state.rope.sin.narrow(0, 0, tokens)};
  Tensor hidden = model.embed(ids);  // [R, T, D]
  state.position.copy_(length - 1);
  for (const BlockLease& block : model.blocks.forward()) {
    KvCache& cache = state.caches[block.index()];
    if (block.index() + 1 < model.blocks.size()) {
      hidden = block->forward(hidden, context, &cache);
      continue;
    }
    // Of the last block only the last token of each prompt is wanted; the others leave their keys and values.
    block->remember(hidden, context, cache);
    const Tensor at = state.position.view({rows, 1, 1}).expand({rows, 1, hidden.size(2)});
    hidden = block->step(hidden.gather(1, at).squeeze(1), state.rope, state.position, cache);  // [R, D]
  }
  state.position.add_(1);
  return hidden;
}

Tensor step(const CausalLm& model, DecodeState& state, const Tensor& ids) {
  Tensor hidden = at::embedding(model.embedding, ids);  // [R, D]
  for (const BlockLease& block : model.blocks.forward())
    hidden = block->step(hidden, state.rope, state.position, state.caches[block.index()]);
  state.position.add_(1);
  return hidden;
}

Tensor step_head(const CausalLm& model, const Tensor& hidden) {
  return kernels::norm_linear(hidden, model.final_norm.weight, model.final_norm.eps, model.lm_head.weight,
                              model.lm_head.bias);
}

}  // namespace shorten::model
