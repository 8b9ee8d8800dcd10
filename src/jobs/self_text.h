// SPDX-License-Identifier: Apache-2.0
// Text that a model writes itself: rows sampled at temperature 1, the model's own distribution. What was written is
// kept in the user's cache folder, because writing takes long and the same text serves several commands.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "jobs/text.h"

namespace shorten::jobs {

struct SelfTextRequest {
  family::ModelPtr model;
  int64_t rows = 0;
  int64_t length = 0;       // tokens of a row with the one it begins with, 2 or more
  bool whole_rows = false;  // go on behind the end of a text, so that all rows have `length` tokens
  uint64_t seed = 0;
  engine::ComputeOptions compute = {};
  TextRequest text = {};  // which tokenizer names the first token
};

struct SelfText {
  std::vector<std::vector<text::TokenId>> rows;
  std::string tokens_sha256;
  bool from_bos = false;  // every row begins with the tokenizer's BOS
  bool cached = false;    // nothing was computed
};

// A row begins with the tokenizer's BOS token, else with its EOS token, else with a token drawn from the vocabulary,
// and ends behind the first EOS token or at `length`. Short rows stay: without them it would be another distribution.
// The draws of a row depend on the seed and its place alone. How many rows are computed together depends on the device,
// and on its memory, and reaches the text only through the rounding of logits.
// docs/protocols.md says the same for users. Throws usage_error if `length` is more than the model's context.
SelfText self_text(const SelfTextRequest& request);

}  // namespace shorten::jobs
