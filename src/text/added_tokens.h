// SPDX-License-Identifier: Apache-2.0
// Tokens that are cut out of a text before the model sees it: special ones (<s>) and words that were
// added to a vocabulary later.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;      // left out by decode(…, skip_special)
  bool single_word = false;  // only where no letter or digit is next to it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool normalized = false;   // looked for in the normalized text, itself normalized
  std::string decoded;       // what decoding gives to the decoder; filled in by AddedTokens
};

class AddedTokens {
 public:
  using Normalize = std::function<std::string(std::string_view)>;

  // Throws bad_input for an empty or repeated token.
  AddedTokens(std::vector<AddedToken> tokens, const Normalize& normalize, const std::filesystem::path& file);

  // Calls `sink` with the parts of `text` in order: a token (its id), or text between tokens (no id,
  // never empty). Of the tokens that begin at one place the longest counts.
  using Sink = std::function<void(std::string_view, std::optional<TokenId>)>;
  void split(std::string_view text, bool normalized, const Sink& sink) const;

  const AddedToken* find(TokenId id) const;
  const AddedToken* find(std::string_view content) const;
  int64_t end() const { return end_; }  // ids are below

 private:
  // The tokens as a tree of bytes.
  struct Node {
    std::map<unsigned char, uint32_t> next;
    int32_t token = -1;
  };
  struct Tree {
    std::vector<Node> nodes{1};
    std::array<bool, 256> first{};  // bytes that a token begins with
    void insert(std::string_view text, int32_t token);
    // The longest token at text[at], and its length.
    int32_t longest(std::string_view text, size_t at, size_t& length) const;
  };

  std::vector<AddedToken> tokens_;
  Tree raw_, normalized_;
  std::unordered_map<TokenId, size_t> by_id_;
  std::unordered_map<std::string, size_t> by_content_;
  int64_t end_ = 0;
};

}  // namespace shorten::text
