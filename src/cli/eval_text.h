// SPDX-License-Identifier: Apache-2.0
// The perplexities of `eval`.
#pragma once

#include "cli/eval.h"

namespace shorten::cli {

// One --text, cut into the windows of a model.
struct PreparedText {
  Perplexity result;                             // without nll
  std::vector<LanguageModel::Document> windows;  // one each: what is asked of one depends on no other
};

// NAME=SOURCE, or SOURCE alone, which is named after its file. Names must differ.
std::vector<NamedText> read_texts(const std::vector<std::string>& arguments);

std::vector<PreparedText> prepare_texts(const std::vector<NamedText>& texts, const fs::path& model,
                                        const family::ModelSpec& spec, const EvalOptions& options);

// Adds a JSON line a window to `per_token` where the options want it. Throws diverged for NaN or infinity.
Perplexity measure_text(const LanguageModel& model, const PreparedText& text, const std::string& name,
                        const EvalOptions& options, std::string& per_token);

}  // namespace shorten::cli
