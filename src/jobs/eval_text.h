// SPDX-License-Identifier: Apache-2.0
// The perplexities of an evaluation.
#pragma once

#include "jobs/eval.h"

namespace shorten::jobs {

// One text, cut into the windows of a model.
struct PreparedText {
  Perplexity result;                                     // without nll
  std::vector<engine::LanguageModel::Document> windows;  // one each: what is asked of one depends on no other
};

std::vector<PreparedText> prepare_texts(const EvalRequest& request, const family::Model& model);

// Adds a JSON line a window to `per_token` where the request wants it. Throws diverged for NaN or infinity.
Perplexity measure_text(const engine::LanguageModel& model, const PreparedText& text, const std::string& name,
                        const EvalRequest& request, std::string& per_token);

}  // namespace shorten::jobs
