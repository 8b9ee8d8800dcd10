// SPDX-License-Identifier: Apache-2.0
// Which examples a step trains on, and how they lie in tensors. A function of the seed and the step alone, so that a
// run that goes on needs no memory of what was drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "data/example.h"

namespace shorten::data {

// Indices of the held-out examples, ascending: `count` drawn from 0 .. examples-1 by the seed, or the last ones where
// nothing is shuffled. REQUIRES count < examples.
std::vector<size_t> held_out(size_t examples, size_t count, uint64_t seed, bool shuffle);

// Steps that `epochs` take: the last batch of an epoch may be smaller. REQUIRES examples, batch > 0, here and below.
int64_t steps_of(size_t examples, int64_t batch, int64_t epochs);

// The examples of step `step` (from 0) as places in 0 .. examples-1: batches of a permutation that is drawn anew for
// each epoch, or of the order as it is.
std::vector<size_t> batch_of(size_t examples, int64_t batch, int64_t step, uint64_t seed, bool shuffle);

// Some examples one behind another in a row of a tensor.
struct Row {
  std::vector<size_t> examples;
  int64_t tokens = 0;
};

struct MicroBatch {
  std::vector<Row> rows;
  int64_t width = 0;  // of the tensor: the longest row, rounded up to a multiple of 8
  int64_t targets = 0;
};

struct Layout {
  bool pack = true;          // several examples a row, up to `length` tokens
  int64_t length = 256;      // of a packed row at most
  int64_t micro_batch = 16;  // rows at once
  bool keep_order = false;   // micro-batches are consecutive examples, as their mean then counts
};

// `chosen` in micro-batches, each example once. Packed: longest first, each into the first row that has room; a row
// holds `length` tokens, or those of the longest example if that is longer; fuller rows come first. Padded: one a row,
// longest first. With keep_order (which packs nothing): as they come, `micro_batch` a time. Examples without targets
// are left out.
std::vector<MicroBatch> lay_out(const std::vector<Example>& examples, const std::vector<size_t>& chosen,
                                const Layout& layout);

}  // namespace shorten::data
