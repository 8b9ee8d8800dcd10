// SPDX-License-Identifier: Apache-2.0
// (left id, right id) → (rank, merged id): an open-addressing hash table that is built once.
#pragma once

#include <cstdint>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

class MergeTable {
 public:
  struct Merge {
    int32_t rank;  // lower goes first
    TokenId id;
  };

  explicit MergeTable(size_t expected) {
    size_t slots = 64;
    while (slots < expected + expected / 2) slots *= 2;
    slots_.resize(slots);
  }

  // A pair that is there already gets the new value.
  void set(TokenId left, TokenId right, Merge merge) {
    if (3 * (used_ + 1) > 2 * slots_.size()) grow();
    Slot& slot = slots_[place(key(left, right))];
    if (slot.key == kEmpty) ++used_;
    slot = {key(left, right), merge};
  }

  const Merge* find(TokenId left, TokenId right) const {
    const Slot& slot = slots_[place(key(left, right))];
    return slot.key == kEmpty ? nullptr : &slot.merge;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{};
  };

  static uint64_t key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  size_t place(uint64_t k) const {
    uint64_t h = k * 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    size_t i = static_cast<size_t>(h) & (slots_.size() - 1);
    while (slots_[i].key != k && slots_[i].key != kEmpty) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace shorten::text
