// SPDX-License-Identifier: Apache-2.0
// What a model is trained on: rows of tokens, and which of them count.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::data {

using text::TokenId;

inline constexpr TokenId kIgnored = -100;  // a label that is not learnt

struct Example {
  std::vector<TokenId> ids;
  // As many as ids: labels[p] is to be predicted from ids[0 .. p), kIgnored where nothing is; labels[0] never counts.
  std::vector<TokenId> labels;
};

int64_t count_targets(const Example& example);  // labels that count

int64_t longest(const std::vector<Example>& examples);  // tokens of the longest; 0 of none

// SHA-256 of ids and labels, row after row, as little-endian int32 with the row's length in front.
std::string examples_sha256(const std::vector<Example>& examples);

}  // namespace shorten::data
