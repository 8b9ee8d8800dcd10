// SPDX-License-Identifier: Apache-2.0
// A model as embed, blocks and head, with nothing between them.
#pragma once

#include "model/causal_lm.h"

namespace shorten::model {

inline Tensor logits(const CausalLm& model, const Tensor& ids) {  // [N, T] -> [N, T, V]
  const at::NoGradGuard no_gradients;
  const Context context = model.context(ids.size(1));
  Tensor hidden = model.embed(ids);
  for (const BlockLease& block : model.blocks.forward()) hidden = block->forward(hidden, context);
  return model.head(hidden);
}

}  // namespace shorten::model
