// SPDX-License-Identifier: Apache-2.0
// The blocks of a model, taken one after another. Whoever computes with a block leases it, and a lease holds the block
// where it can be computed with until it goes out of scope:
//
//   for (const BlockLease& block : model.blocks.forward()) hidden = block->forward(hidden, context);
//
// All blocks are resident today, so a lease is a reference and nothing moves. The rules are those that a source needs
// which reads blocks while others compute, with two buffers and a thread that fills them:
// - The source owns the buffers. A lease has a share in one (a shared_ptr beside `block_`), and with the last lease the
//   buffer is free again. Several threads may lease, also the same block.
// - A pass says what comes next: lease(i, next) waits for block i and has `next` read meanwhile. A loop drops a lease
//   before it takes the next one.
// - Nothing of a leased block is kept longer than the lease. So a graph of several blocks (training that does not
//   compute them again) needs resident ones, and so does whoever changes them: resident().
// - What a block is can be asked without a lease: spec(i).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "model/block.h"

namespace shorten::model {

class BlockLease {
 public:
  BlockLease(const Block& block, size_t index) : block_(&block), index_(index) {}

  const Block& operator*() const { return *block_; }
  const Block* operator->() const { return block_; }
  size_t index() const { return index_; }

 private:
  const Block* block_;
  size_t index_;
};

class BlockSource {
 public:
  class Pass;

  BlockSource() = default;
  BlockSource(std::vector<Block> blocks) : blocks_(std::move(blocks)) {}

  size_t size() const { return blocks_.size(); }
  const family::BlockSpec& spec(size_t i) const { return blocks_[i].spec; }

  // `next` is the block that will be wanted after this one; size(): none. REQUIRES i < size().
  BlockLease lease(size_t i, [[maybe_unused]] size_t next) const { return {blocks_[i], i}; }
  BlockLease lease(size_t i) const { return lease(i, size()); }

  // The source outlives the pass.
  Pass forward() const&;   // from the first to the last
  Pass backward() const&;  // from the last to the first
  void forward() && = delete;
  void backward() && = delete;

  // The blocks themselves, to be made or changed.
  std::vector<Block>& resident() { return blocks_; }
  const std::vector<Block>& resident() const { return blocks_; }

 private:
  std::vector<Block> blocks_;
};

// All blocks once, as a range of leases.
class BlockSource::Pass {
 public:
  class Iterator {
   public:
    Iterator(const BlockSource& source, size_t taken, bool backward)
        : source_(&source), taken_(taken), backward_(backward) {}

    BlockLease operator*() const { return source_->lease(index(taken_), index(taken_ + 1)); }
    Iterator& operator++() {
      ++taken_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return taken_ == other.taken_; }

   private:
    size_t index(size_t taken) const {
      const size_t size = source_->size();
      return taken < size && backward_ ? size - 1 - taken : taken;
    }

    const BlockSource* source_;
    size_t taken_;
    bool backward_;
  };

  Pass(const BlockSource& source, bool backward) : source_(source), backward_(backward) {}

  Iterator begin() const { return {source_, 0, backward_}; }
  Iterator end() const { return {source_, source_.size(), backward_}; }

 private:
  const BlockSource& source_;
  bool backward_;
};

inline BlockSource::Pass BlockSource::forward() const& { return {*this, false}; }
inline BlockSource::Pass BlockSource::backward() const& { return {*this, true}; }

}  // namespace shorten::model
