// SPDX-License-Identifier: Apache-2.0
// Strings ↔ ids of a tokenizer's model, as a file gave them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

// The largest id that is believed; the biggest vocabularies in use have some 260,000 entries.
constexpr int64_t kMaxTokenId = (1 << 22) - 1;

class Vocabulary {
 public:
  // Throws bad_input that names `file` and the entry: an id out of range or used twice, a string twice.
  Vocabulary(std::vector<std::pair<std::string, int64_t>> entries, const std::filesystem::path& file);
  Vocabulary(Vocabulary&&) = default;  // the index keeps pointing into the same strings
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  std::optional<TokenId> find(std::string_view token) const {
    const auto it = index_.find(token);
    return it == index_.end() ? std::nullopt : std::optional<TokenId>(it->second);
  }
  const std::string* token(TokenId id) const;                          // null if no entry has this id
  int64_t end() const { return static_cast<int64_t>(by_id_.size()); }  // ids are below

 private:
  std::vector<std::pair<std::string, int64_t>> entries_;
  std::vector<int32_t> by_id_;  // index into entries_, or -1
  std::unordered_map<std::string_view, TokenId> index_;
};

}  // namespace shorten::text
