// SPDX-License-Identifier: Apache-2.0
#include "data/encode.h"

#include <algorithm>

namespace shorten::data {
namespace {

bool ends_with_eos(const std::vector<TokenId>& ids, const text::Tokenizer& tokenizer) {
  return !ids.empty() && tokenizer.eos() && ids.back() == *tokenizer.eos();
}

void append_eos(std::vector<TokenId>& ids, const text::Tokenizer& tokenizer) {
  if (tokenizer.eos() && !ends_with_eos(ids, tokenizer)) ids.push_back(*tokenizer.eos());
}

bool truncate(std::vector<TokenId>& ids, size_t length) {
  if (ids.size() <= length) return false;
  ids.resize(length);
  return true;
}

}  // namespace

Encoded encode_answer(const Encoding& how, const std::string& prompt, const std::string& answer) {
  Encoded out;
  std::vector<TokenId>& ids = out.row.ids;
  ids = how.tokenizer.encode_with_special(prompt + answer);
  out.truncated = truncate(ids, how.length);
  if (ids.size() < how.length) append_eos(ids, how.tokenizer);
  out.row.labels = ids;
  if (!how.train_on_prompt) {
    const std::vector<TokenId> alone = how.tokenizer.encode_with_special(prompt);
    const size_t tokens = alone.size() - (ends_with_eos(alone, how.tokenizer) ? 1 : 0);
    std::fill_n(out.row.labels.begin(), std::min(tokens, ids.size()), kIgnored);
  }
  return out;
}

Encoded encode_conversation(const Encoding& how, const std::vector<Segment>& segments) {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  Encoded out;
  std::vector<TokenId>& ids = out.row.ids;
  ids = how.tokenizer.encode(text);
  out.truncated = truncate(ids, how.length);
  out.row.labels = ids;
  if (how.train_on_prompt) return out;
  std::fill(out.row.labels.begin(), out.row.labels.end(), kIgnored);
  text.clear();
  for (const Segment& segment : segments) {
    const size_t begin = segment.learnt ? how.tokenizer.encode(text).size() : 0;
    text += segment.text;
    if (!segment.learnt) continue;
    const size_t end = std::min(how.tokenizer.encode(text).size(), ids.size());
    for (size_t p = begin; p < end; ++p) out.row.labels[p] = ids[p];
  }
  return out;
}

std::vector<Example> encode_text(const Encoding& how, const std::string& text) {
  std::vector<TokenId> ids = how.tokenizer.encode_with_special(text);
  append_eos(ids, how.tokenizer);
  std::vector<Example> out;
  for (size_t begin = 0; begin < ids.size(); begin += how.length) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), begin + how.length));
    out.push_back({{first, last}, {first, last}});
  }
  return out;
}

}  // namespace shorten::data
