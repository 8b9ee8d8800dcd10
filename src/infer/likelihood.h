// SPDX-License-Identifier: Apache-2.0
// Log-probabilities of the targets of windows: of perplexities and of questions alike. What is a window, and
// which of its tokens count, was decided by text/windows.h and tasks/encode.h.
//
// On a CPU every tree of tokens is computed alone and by one thread, and threads take different trees: no
// number depends on what else is asked, on the batch, or on the number of threads. An accelerator gets
// padded batches of trees of similar size, and there the last digits do depend on the batch.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/causal_lm.h"
#include "text/windows.h"

namespace shorten::infer {

struct LikelihoodOptions {
  int64_t batch_tokens = 0;  // of a batch on an accelerator, padding included; 0: as many as fill it well
  bool share = true;         // compute a common beginning of a document's windows once
  // To compare with what was computed otherwise: logits are rounded to the first, log-probabilities and
  // their sum to the second (and the logits, too, before). Absent: logits as the model gives them; fp32.
  std::optional<at::ScalarType> logits, softmax;
};

// The scores of all windows of one document. Called by one thread at a time, in no particular order.
using Sink = std::function<void(size_t document, std::vector<text::WindowScore> scores)>;

void score_documents(const model::CausalLm& model, std::span<const std::vector<text::Window>> documents,
                     const LikelihoodOptions& options, const Sink& sink);

}  // namespace shorten::infer
