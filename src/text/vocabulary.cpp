// SPDX-License-Identifier: Apache-2.0
#include "text/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::text {

Vocabulary::Vocabulary(std::vector<std::pair<std::string, int64_t>> entries, const std::filesystem::path& file)
    : entries_(std::move(entries)) {
  const auto place = [](const std::string& token) { return fmt::format("token \"{}\" of the vocabulary", token); };
  int64_t end = 0;
  for (const auto& [token, id] : entries_) {
    if (id < 0 || id > kMaxTokenId) {
      throw bad_input("a token id is out of range")
          .file(file)
          .where(place(token))
          .expected(fmt::format("0 to {}", kMaxTokenId))
          .found(fmt::format("{}", id));
    }
    end = std::max(end, id + 1);
  }
  by_id_.assign(static_cast<size_t>(end), -1);
  index_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    const auto& [token, id] = entries_[i];
    int32_t& slot = by_id_[static_cast<size_t>(id)];
    if (slot >= 0) {
      throw bad_input("two tokens have the same id")
          .file(file)
          .where(place(token))
          .found(fmt::format("{}, which \"{}\" has too", id, entries_[static_cast<size_t>(slot)].first));
    }
    slot = static_cast<int32_t>(i);
    if (!index_.emplace(token, static_cast<TokenId>(id)).second) {
      throw bad_input("a token is listed twice").file(file).where(place(token));
    }
  }
}

const std::string* Vocabulary::token(TokenId id) const {
  if (id < 0 || static_cast<size_t>(id) >= by_id_.size() || by_id_[static_cast<size_t>(id)] < 0) return nullptr;
  return &entries_[static_cast<size_t>(by_id_[static_cast<size_t>(id)])].first;
}

}  // namespace shorten::text
