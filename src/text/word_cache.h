// SPDX-License-Identifier: Apache-2.0
// Short words and the token ids they became. A fixed number of cache-line sized entries, each word in
// the one place its hash gives; a newcomer replaces what is there, so memory never grows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

class WordCache {
 public:
  static constexpr size_t kMaxBytes = 24;
  static constexpr size_t kMaxIds = 9;

  WordCache() : entries_(kEntries) {}

  struct Key {
    std::array<uint64_t, kMaxBytes / 8> words{};
    uint32_t length = 0;
    uint32_t slot = 0;
  };

  // REQUIRES: 0 < word.size() <= kMaxBytes.
  static Key key(std::string_view word) {
    Key k;
    std::memcpy(k.words.data(), word.data(), word.size());
    k.length = static_cast<uint32_t>(word.size());
    uint64_t h = word.size();
    for (const uint64_t w : k.words) h = (h ^ w ^ (h >> 29)) * 0x9E3779B97F4A7C15u;
    k.slot = static_cast<uint32_t>(h >> (64 - kBits));
    return k;
  }

  // Appends the word's ids to `out` if they are known.
  bool find(const Key& k, std::vector<TokenId>& out) const {
    const Entry& e = entries_[k.slot];
    if (e.length != k.length || e.words != k.words) return false;
    out.insert(out.end(), e.ids.begin(), e.ids.begin() + e.count);
    return true;
  }

  void store(const Key& k, std::span<const TokenId> ids) {
    if (ids.size() > kMaxIds) return;
    Entry& e = entries_[k.slot];
    e.words = k.words;
    e.length = static_cast<uint8_t>(k.length);
    e.count = static_cast<uint8_t>(ids.size());
    std::copy(ids.begin(), ids.end(), e.ids.begin());
  }

 private:
  static constexpr int kBits = 15;
  static constexpr size_t kEntries = size_t{1} << kBits;

  struct alignas(64) Entry {
    std::array<uint64_t, kMaxBytes / 8> words{};
    std::array<TokenId, kMaxIds> ids{};
    uint8_t length = 0;  // 0: empty
    uint8_t count = 0;
  };
  static_assert(sizeof(Entry) == 64);

  std::vector<Entry> entries_;
};

// A cache that is kept from text to text. It serves one caller at a time; another at the same moment
// works with one of its own.
class SharedWordCache {
 public:
  class Lease {
   public:
    explicit Lease(SharedWordCache& shared) : lock_(shared.mutex_, std::try_to_lock) {
      cache_ = lock_.owns_lock() ? &shared.cache_ : &own_.emplace();
    }
    WordCache& operator*() { return *cache_; }

   private:
    std::unique_lock<std::mutex> lock_;
    std::optional<WordCache> own_;
    WordCache* cache_;
  };

 private:
  std::mutex mutex_;
  WordCache cache_;
};

}  // namespace shorten::text
