// SPDX-License-Identifier: Apache-2.0
// Windows with a common beginning as one tree of tokens, so that what they share goes through the model
// once: the choices of a question, sentences that differ in one word, answers of a single token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/windows.h"

namespace shorten::text {

// Tokens in depth-first order. The last token of a window is only predicted, so it is not among them unless the window
// reads it.
struct TokenTree {
  std::vector<int64_t> ids, depth;
  std::vector<int64_t> end;  // the tokens below token i are i + 1 .. end[i] - 1

  // The logits of token `row` are asked for `id`, which is target `target` of window `window`.
  struct Question {
    int64_t row, id;
    size_t window, target;
  };
  std::vector<Question> questions;  // rows ascending

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
  bool is_chain() const;  // one window, or windows that are beginnings of one another
};

// Trees of the windows of one document, each window in one of them. A window joins the last tree if it
// shares its first token with it and the tree stays below `most_tokens`: attention over a tree costs the
// square of its size. With `share` false every window is a chain of its own.
std::vector<TokenTree> token_trees(std::span<const Window> windows, bool share = true, int64_t most_tokens = 4096);

// Tokens that go through a model for these documents: what the work is estimated from.
int64_t count_tokens(std::span<const std::vector<Window>> documents);

}  // namespace shorten::text
