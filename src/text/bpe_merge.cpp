// SPDX-License-Identifier: Apache-2.0
// The two ways to run the merges of a word: a scan for the best pair where the word is short, a queue
// of pairs over a linked list, O(n log n), where it is long. Both give the same.
#include <limits>
#include <queue>

#include "text/bpe.h"

namespace shorten::text {

void Bpe::merge_few(std::vector<TokenId>& symbols, std::vector<TokenId>& out) const {
  constexpr int32_t kNone = std::numeric_limits<int32_t>::max();
  std::vector<MergeTable::Merge> pairs(symbols.size());  // pairs[i]: symbols i and i + 1
  const auto look_up = [&](size_t i) {
    const MergeTable::Merge* merge = i + 1 < symbols.size() ? merges_.find(symbols[i], symbols[i + 1]) : nullptr;
    pairs[i] = merge ? *merge : MergeTable::Merge{kNone, -1};
  };
  for (size_t i = 0; i < symbols.size(); ++i) look_up(i);
  while (true) {
    size_t best = 0;
    for (size_t i = 1; i < symbols.size(); ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (symbols.empty() || pairs[best].rank == kNone) break;
    symbols[best] = pairs[best].id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  out.insert(out.end(), symbols.begin(), symbols.end());
}

void Bpe::merge_many(const std::vector<TokenId>& symbols, std::vector<TokenId>& out) const {
  struct Symbol {
    TokenId id;              // -1: merged into the one on the left
    int32_t previous, next;  // -1: none
  };
  struct Candidate {
    int32_t rank, left;
    TokenId id;
    bool operator<(const Candidate& other) const {  // the queue's top is the greatest
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  const auto count = static_cast<int32_t>(symbols.size());
  std::vector<Symbol> list(symbols.size());
  for (int32_t i = 0; i < count; ++i) {
    list[static_cast<size_t>(i)] = {symbols[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1};
  }
  const auto at = [&](int32_t i) -> Symbol& { return list[static_cast<size_t>(i)]; };
  const auto merge_at = [&](int32_t left) {
    return at(left).next < 0 ? nullptr : merges_.find(at(left).id, at(at(left).next).id);
  };
  std::vector<Candidate> initial;
  for (int32_t i = 0; i < count; ++i) {
    if (const auto* merge = merge_at(i)) initial.push_back({merge->rank, i, merge->id});
  }
  std::priority_queue<Candidate> queue(std::less<Candidate>(), std::move(initial));
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    if (at(top.left).id < 0) continue;
    const MergeTable::Merge* merge = merge_at(top.left);
    if (!merge || merge->id != top.id) continue;  // a neighbour has changed since
    const int32_t right = at(top.left).next;
    at(top.left).id = top.id;
    at(top.left).next = at(right).next;
    at(right).id = -1;
    if (at(top.left).next >= 0) at(at(top.left).next).previous = top.left;
    for (const int32_t left : {at(top.left).previous, top.left}) {
      if (left < 0) continue;
      if (const auto* next = merge_at(left)) queue.push({next->rank, left, next->id});
    }
  }
  for (int32_t i = 0; i >= 0 && i < count; i = at(i).next) out.push_back(at(i).id);
}

}  // namespace shorten::text
