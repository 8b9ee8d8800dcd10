// SPDX-License-Identifier: Apache-2.0
#include "text/stream.h"

#include <algorithm>

namespace shorten::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // what decoders write for half a character

// Bytes at the end of `text` that `stop` begins with.
size_t overlap(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (text.ends_with(stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::string> stops)
    : tokenizer_(tokenizer), stops_(std::move(stops)) {
  for (const std::string& stop : stops_) longest_stop_ = std::max(longest_stop_, stop.size());
}

// What the tokens since the last piece add to the text. Decoders treat the first token of all in another way, so they
// are decoded behind that piece.
std::string TextStream::fresh() const {
  std::string text = tokenizer_.decode(window_, true);
  if (text.starts_with(piece_)) return text.substr(piece_.size());
  // A byte that belongs to no character has made another one of the bytes before it, which were given already.
  return tokenizer_.decode({window_.begin() + static_cast<std::ptrdiff_t>(piece_tokens_), window_.end()}, true);
}

std::string TextStream::give(size_t end) {
  if (end <= given_) return "";
  std::string out = text_.substr(given_, end - given_);
  given_ = end;
  return out;
}

std::string TextStream::push(TokenId id) {
  window_.push_back(id);
  text_.resize(settled_);
  text_ += fresh();
  size_t first = std::string::npos;
  const size_t from = settled_ - std::min(settled_, longest_stop_);
  for (const std::string& stop : stops_) first = std::min(first, text_.find(stop, from));
  if (first != std::string::npos) {
    stopped_ = true;
    text_.resize(first);
    return give(first);
  }
  if (text_.size() > settled_ && !text_.ends_with(kReplacement)) {
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(piece_tokens_));
    piece_tokens_ = window_.size();
    piece_ = tokenizer_.decode(window_, true);
    settled_ = text_.size();
  }
  size_t waiting = 0;
  for (const std::string& stop : stops_)
    waiting = std::max(waiting, overlap(std::string_view(text_).substr(0, settled_), stop));
  return give(settled_ - waiting);
}

std::string TextStream::finish() { return give(text_.size()); }

}  // namespace shorten::text
