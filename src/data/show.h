// SPDX-License-Identifier: Apache-2.0
// A row of training data for people: which tokens there are, and which of them count.
#pragma once

#include <string>

#include "data/example.h"

namespace shorten::data {

// A line a token, at most 80 columns wide where characters are one column: place, id, what is learnt ("yes", "-", or
// another id where that is the label) and the token's text, quoted and escaped. Without a tokenizer there is no text.
std::string show(const Example& example, const text::Tokenizer* tokenizer);

}  // namespace shorten::data
