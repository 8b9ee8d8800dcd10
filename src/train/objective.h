// SPDX-License-Identifier: Apache-2.0
// The losses at the head: cross-entropy, and the divergence from a teacher (Hinton et al. 2015, arXiv 1503.02531).
// Value and gradient in one go, some positions at a time, so that the logits of a batch are never all there.
#pragma once

#include <functional>

#include "model/causal_lm.h"

namespace shorten::train {

struct HeadLoss {
  double kd_weight = 0;  // w: (1 - w) ce + w T² KL(teacher ‖ student)
  double temperature = 1;
  double scale = 1;  // of the gradient: what a position weighs in the loss of the step
};

// hidden [P, D] before the final norm, targets [P] → the gradient of hidden [P, D]. Adds the sums of the
// cross-entropies and of T² KL over the positions to sums [2] fp64. The teacher's states [P, D] are undefined without
// distillation. `chunk_done` is called when the head's own gradients of a chunk are there.
Tensor head_loss(const model::CausalLm& student, const Tensor& hidden, const Tensor& targets,
                 const model::CausalLm* teacher, const Tensor& teacher_hidden, const HeadLoss& loss, Tensor& sums,
                 const std::function<void()>& chunk_done);

// Positions that go through the head at once.
int64_t head_rows(int64_t vocabulary);

}  // namespace shorten::train
