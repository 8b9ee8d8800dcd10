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

  // Returns the further text that no later token can change: what may be part of a character, or the beginning of
  // a stop string, waits.
  std::string push(TokenId id);
  // What was waiting, once no token comes any more. (A text that breaks off inside a character may have lost a
  // character before it, too, by its decoder's rules; what was given is not taken back.)
  std::string finish();

  bool stopped() const { return stopped_; }          // by a stop string
  const std::string& text() const { return text_; }  // all of it, as it stands

 private:
  std::string settle(size_t certain);  // what of the first `certain` bytes was not given yet

  const Tokenizer& tokenizer_;
  std::vector<std::string> stops_;
  std::vector<TokenId> ids_;
  std::string text_;
  std::string given_;  // what was returned so far
  bool stopped_ = false;
};

}  // namespace shorten::text
