// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding (Sennrich, Haddow, Birch 2016) of one word, as the `tokenizers` library does it:
// a word begins as one symbol a character; again and again the adjacent pair with the lowest merge rank
// (the leftmost of equals) becomes one symbol.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/merge_table.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace shorten::text {

// The merge of two pieces, as text: the left one is text[0, split). Lower ranks go first.
struct MergeRule {
  std::string text;
  size_t split = 0;
  int32_t rank = 0;
};

struct BpeOptions {
  std::optional<std::string> unk_token;  // for a character that is not in the vocabulary
  bool fuse_unk = false;                 // a run of those becomes one token
  bool byte_fallback = false;            // <0xE2>… for such a character where the vocabulary has them
  bool ignore_merges = false;            // a word that is in the vocabulary is that token
};

class Bpe {
 public:
  // Of two rules for the same pieces the later one counts. Throws bad_input for a rule whose pieces or
  // whose result the vocabulary does not have, naming `file` and the rule.
  Bpe(Vocabulary vocabulary, const std::vector<MergeRule>& rules, BpeOptions options,
      const std::filesystem::path& file);

  // Appends the ids of `word`. `cache` must have served this object only.
  void encode(std::string_view word, WordCache& cache, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  // Characters by what the cutting below asks: ASCII by itself, U+2581, all others.
  static constexpr size_t kMetaspaceClass = 128, kOtherClass = 129, kClasses = 130;

  void find_special_ids(const std::filesystem::path& file);
  void find_cuts(const std::vector<MergeRule>& rules);
  void encode_chunk(std::string_view chunk, WordCache& cache, std::vector<TokenId>& out) const;
  void append_symbols(std::string_view chunk, std::vector<TokenId>& symbols) const;
  void merge_few(std::vector<TokenId>& symbols, std::vector<TokenId>& out) const;
  void merge_many(const std::vector<TokenId>& symbols, std::vector<TokenId>& out) const;
  TokenId character_id(std::string_view text, size_t at, size_t length) const;  // -1: not in the vocabulary

  Vocabulary vocabulary_;
  BpeOptions options_;
  MergeTable merges_;
  std::vector<TokenId> bmp_ids_;  // of characters up to U+FFFF
  std::array<TokenId, 256> byte_ids_{};
  std::optional<TokenId> unk_id_;

  // A long word is cut between two characters that no merge can ever join (derived from the rules, so
  // the result is exactly the same), and each chunk is looked up in the cache.
  bool may_cut_ = false;
  std::vector<uint8_t> joinable_;  // [class of left character][class of right character]
};

}  // namespace shorten::text
