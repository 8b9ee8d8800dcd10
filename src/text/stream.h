// SPDX-License-Identifier: Apache-2.0
// Tokens as they come → text as it becomes certain.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

class TextStream {
 public:
  // The text ends before the first of the `stops` (none of them empty) that appears in it.
  TextStream(const Tokenizer& tokenizer, std::vector<std::string> stops);

  // Returns the further text that is certain: what may be part of a character, or the beginning of a stop string,
  // waits.
  std::string push(TokenId id);
  // What was waiting, once no token comes any more.
  std::string finish();

  bool stopped() const { return stopped_; }  // by a stop string
  // All of it, as it stands. Where a character was broken off by a byte that belongs to none, decoding all tokens at
  // once may also take back characters before it; here what was given stays.
  const std::string& text() const { return text_; }

 private:
  std::string fresh() const;
  std::string give(size_t end);  // what of the first `end` bytes was not given yet

  const Tokenizer& tokenizer_;
  std::vector<std::string> stops_;
  size_t longest_stop_ = 0;
  std::vector<TokenId>
      window_;               // the tokens of the last settled piece of text, and those since: a token takes the same
  size_t piece_tokens_ = 0;  // time however many there were before
  std::string piece_;        // that piece, decoded alone
  std::string text_;
  size_t settled_ = 0, given_ = 0;  // bytes of text_
  bool stopped_ = false;
};

}  // namespace shorten::text
