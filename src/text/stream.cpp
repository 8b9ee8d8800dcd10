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
    : tokenizer_(tokenizer), stops_(std::move(stops)) {}

std::string TextStream::settle(size_t certain) {
  if (certain <= given_.size() || !text_.starts_with(given_)) return "";
  std::string out = text_.substr(given_.size(), certain - given_.size());
  given_ += out;
  return out;
}

std::string TextStream::push(TokenId id) {
  ids_.push_back(id);
  text_ = tokenizer_.decode(ids_, true);
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, text_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    text_.resize(first);
    return settle(first);
  }
  std::string_view certain = text_;
  while (certain.ends_with(kReplacement)) certain.remove_suffix(kReplacement.size());
  // Half a character may be the next one of a stop string, too.
  size_t waiting = 0;
  for (const std::string& stop : stops_) waiting = std::max(waiting, overlap(certain, stop));
  return settle(certain.size() - waiting);
}

std::string TextStream::finish() { return settle(text_.size()); }

}  // namespace shorten::text
