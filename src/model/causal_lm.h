// SPDX-License-Identifier: Apache-2.0
// A language model as embed → blocks → head, with nothing hidden between the three: skipping a block
// is leaving out a call.
#pragma once

#include <functional>
#include <vector>

#include "model/block_source.h"

namespace shorten::model {

struct CausalLm {
  family::ModelSpec spec;
  Tensor embedding;  // [V, D]
  BlockSource blocks;
  RmsNorm final_norm;  // [D]
  Linear lm_head;      // [V, D]; the embedding itself where the head is tied

  at::Device device() const { return embedding.device(); }
  at::ScalarType dtype() const { return embedding.scalar_type(); }

  Context context(int64_t length) const;         // for rows of `length` tokens
  Context context(const TreeRows& trees) const;  // on the model's device
  Tensor embed(const Tensor& ids) const;         // [N, T] int64 → [N, T, D]
  Tensor head(const Tensor& hidden) const;       // [..., D] → logits [..., V], through the final norm

  // −log p of each target under the head: hidden [R, D], targets [R] int64 → [R] fp32.
  // Works in chunks of rows, so that the logits of all are never held at once.
  Tensor token_nll(const Tensor& hidden, const Tensor& targets) const;

  // Rows of hidden states whose logits are made at a time.
  int64_t head_chunk() const;

 private:
  // `windowed` gives the mask of a sliding window.
  void add_windows(Context& context, const std::function<Tensor(int64_t window)>& windowed) const;
};

}  // namespace shorten::model
