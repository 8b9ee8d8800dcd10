// SPDX-License-Identifier: Apache-2.0
// Logits → the next token of each sequence, in ATen operators alone: the same on every device, without a word between
// device and host, so that it can be part of a CUDA graph. Filters and their order are those of Transformers.
#pragma once

#include <vector>

#include "kernels/torch.h"

namespace shorten::infer {

struct Sampling {
  double temperature = 0;  // 0: the likeliest token, whatever the filters below say
  int64_t top_k = 0;       // only the k likeliest; 0: all
  double top_p = 1;        // nucleus sampling: only the likeliest that make up this share (Holtzman et al. 2020)
  double min_p = 0;        // only those at least this share of the likeliest one's probability (Nguyen et al. 2024)
  double repetition_penalty = 1;  // logits of what was there already are divided by it (Keskar et al. 2019)
  uint64_t seed = 0;
};

class Sampler {
 public:
  // For `rows` sequences of at most `steps` new tokens each, from a vocabulary of `vocabulary`.
  Sampler(const Sampling& sampling, int64_t rows, int64_t steps, int64_t vocabulary, at::Device device);

  // Forgets what was there; what is there now counts for the penalty. ids [R, T] padded, length [R].
  void start(const Tensor& ids, const Tensor& length);

  // logits [R, V], `step` [1] int64 counts from 0 → [R] int64. Of equal logits the first.
  Tensor next(const Tensor& logits, const Tensor& step);

  const Tensor& seen() const { return seen_; }  // what `next` changes; undefined where there is no penalty

 private:
  Tensor penalised(const Tensor& logits) const;  // fp32
  Tensor draw(const Tensor& logits, const Tensor& step) const;

  Sampling sampling_;
  Tensor uniform_;  // [steps, R] in [0, 1): drawn before, the same on every device
  Tensor seen_;     // [R, V] bool, where there is a penalty
};

}  // namespace shorten::infer
