// SPDX-License-Identifier: Apache-2.0
// A batch of sequences that a model continues: the prompts in one pass, then a token of each at a time. On an
// accelerator a step is captured once as a graph and replayed: the host only says "again", and reads tokens when it
// wants to know them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "infer/sampler.h"
#include "kernels/accelerator.h"
#include "model/decode.h"

namespace shorten::infer {

using Ids = std::vector<int32_t>;

class Generator {
 public:
  // Room for `rows` prompts of at most `prompt` tokens and `steps` new tokens each.
  Generator(const model::CausalLm& model, const Sampling& sampling, int64_t rows, int64_t prompt, int64_t steps);

  // Begins anew. Computes the prompts and the first token of each. REQUIRES as many prompts as rows, none empty.
  void start(const std::vector<Ids>& prompts);

  // So many further tokens; returns when they are queued. REQUIRES that the room is not used up.
  void advance(int64_t count);

  // The tokens so far, [row][step]; waits for them. Throws diverged, naming the block, if a logit was NaN or infinite.
  std::vector<Ids> tokens() const;

 private:
  void choose(const Tensor& hidden);  // the next token of each from the last hidden states
  void step();
  void capture();
  [[noreturn]] void find_divergence() const;

  const model::CausalLm& model_;
  Sampler sampler_;
  model::DecodeState state_;
  Tensor prompts_;                         // [R, T] int64, as given, padded
  Tensor lengths_;                         // [R] int64
  Tensor current_;                         // [R] int64: the newest token of each
  Tensor out_;                             // [steps, R] int64
  Tensor step_;                            // [1] int64: where the next token goes in out_
  Tensor finite_;                          // [] bool: all logits so far were numbers
  std::unique_ptr<kernels::Graph> graph_;  // of one step
  int64_t made_ = 0;
};

}  // namespace shorten::infer
