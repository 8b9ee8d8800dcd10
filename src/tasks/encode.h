// SPDX-License-Identifier: Apache-2.0
// Requests → token windows, exactly as the harness does it: what is tokenised together, where BOS goes, what
// an empty context becomes, what is cut when the model is too short.
#pragma once

#include <span>
#include <vector>

#include "tasks/documents.h"
#include "text/tokenizer.h"
#include "text/windows.h"

namespace shorten::tasks {

struct Encoded {
  std::vector<text::TokenId> context, continuation;
};

// White space at the end of a context belongs to the continuation: most tokenizers make one token of a space
// and the word behind it.
Request move_trailing_space(const Request& request);

// One request by the profile. Throws bad_input if no token is left for the context or the continuation.
Encoded encode_pair(const Request& request, const text::Tokenizer& tokenizer, const Profile& profile);

// Context and continuation → what the model reads: the last max_length + 1 tokens, of which the
// continuation's are the targets. Throws bad_input if the continuation alone is longer than max_length.
text::Window to_window(const Encoded& pair, int64_t max_length);

// A whole text in windows of at most `max_length` inputs, each token predicted once; the first from `prefix`,
// the last window filled with context from the left.
std::vector<text::Window> rolling_windows(std::span<const text::TokenId> tokens, text::TokenId prefix,
                                          int64_t max_length);

struct EncodedTask {
  std::vector<std::vector<text::Window>> windows;  // [example]: one a request, or those of a whole text
  int64_t shortened = 0;                           // requests whose context lost tokens at its beginning
};

// Errors name the document. Works in parallel. Token ids not below `vocabulary` are an error.
EncodedTask encode_task(const TaskData& data, const text::Tokenizer& tokenizer, const Profile& profile,
                        int64_t max_length, int64_t vocabulary);

}  // namespace shorten::tasks
