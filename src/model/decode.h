// SPDX-License-Identifier: Apache-2.0
// Text token by token: the caches of all blocks, a pass over the prompts, then a token at a time.
#pragma once

#include "model/causal_lm.h"

namespace shorten::model {

// A batch of R sequences that are being continued, with room for C tokens each. All tensors stay where they are
// from token to token, so that a CUDA graph of a step can be replayed.
struct DecodeState {
  std::vector<KvCache> caches;  // one a block
  Rope rope;                    // [C, hd / 2]
  Tensor position;              // [R] int64: where the next token goes, which is how many there are
};

DecodeState make_decode_state(const CausalLm& model, int64_t rows, int64_t capacity);

// Bytes beside the weights, `element` each number: the caches, and roughly what a pass over the prompts and the choice
// of a token hold at their widest.
uint64_t decode_bytes(const family::ModelSpec& spec, int64_t element, int64_t rows, int64_t prompt, int64_t new_tokens,
                      bool draws);

// The prompts in one pass: ids [R, T], padded on the right; length [R] int64 > 0. Fills the caches, sets the
// positions, and gives the last hidden state of each prompt, [R, D]. REQUIRES T <= C.
Tensor prefill(const CausalLm& model, DecodeState& state, const Tensor& ids, const Tensor& length);

// One token a row: ids [R] int64 → hidden state [R, D]. Moves the positions on.
Tensor step(const CausalLm& model, DecodeState& state, const Tensor& ids);

// The head of a step: [R, D] → logits [R, V].
Tensor step_head(const CausalLm& model, const Tensor& hidden);

}  // namespace shorten::model
