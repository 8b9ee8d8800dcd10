// SPDX-License-Identifier: Apache-2.0
// Text → rows of tokens, with the labels of what is not trained on masked.
#pragma once

#include <string>
#include <vector>

#include "data/example.h"
#include "data/template.h"

namespace shorten::data {

struct Encoding {
  const text::Tokenizer& tokenizer;
  size_t length;         // tokens of a row at most
  bool train_on_prompt;  // nothing is masked
};

struct Encoded {
  Example row;
  bool truncated = false;  // it lost its end
};

// The recipe of Alpaca-LoRA, LLM-Pruner and Shortened LLaMA. The whole text is encoded at once, with the tokens that
// the tokenizer adds, and an EOS token behind it where it is shorter than a row. Masked are as many tokens as the
// prompt has alone, though its last one may differ where prompt and answer meet.
Encoded encode_answer(const Encoding& how, const std::string& prompt, const std::string& answer);

// The whole text is encoded at once and without added tokens, as Transformers does it: a template writes its own BOS.
// Where a segment begins and ends is counted as above: as many tokens as the text up to there has alone.
Encoded encode_conversation(const Encoding& how, const std::vector<Segment>& segments);

// With the tokens that the tokenizer adds and EOS behind it, cut into rows; all counts.
std::vector<Example> encode_text(const Encoding& how, const std::string& text);

}  // namespace shorten::data
