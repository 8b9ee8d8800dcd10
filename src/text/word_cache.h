// SPDX-License-Identifier: Apache-2.0
// Short words and the token ids they became. A fixed number of cache-line sized entries, each word in
// the one place its hash gives; a newcomer replaces what is there, so memory never grows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
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

// Caches that are kept from text to text. Each serves one caller at a time; there are as many as there have
// been callers at the same moment.
class SharedWordCache {
 public:
  class Lease {
   public:
    explicit Lease(SharedWordCache& shared) : shared_(shared), cache_(shared.take()) {}
    ~Lease() { shared_.give_back(std::move(cache_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    WordCache& operator*() { return *cache_; }

   private:
    SharedWordCache& shared_;
    std::unique_ptr<WordCache> cache_;
  };

 private:
  std::unique_ptr<WordCache> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      idle_.reserve(++caches_);  // so that giving back never allocates, hence never throws
      return std::make_unique<WordCache>();
    }
    std::unique_ptr<WordCache> cache = std::move(idle_.back());
    idle_.pop_back();
    return cache;
  }
  void give_back(std::unique_ptr<WordCache> cache) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(cache));
  }

  std::mutex mutex_;
  size_t caches_ = 0;  // made so far
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace shorten::text
