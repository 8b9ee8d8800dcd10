// SPDX-License-Identifier: Apache-2.0
// What a lockstep walk does, call by call, before any of it is done. Variants that have removed the same units so far
// are one hidden state, and states that go through the same block, or the same half of it, go through it together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/unit.h"

namespace shorten::score {

// What states go through. A state that stays as it is while others of its tile go on is copied: it would keep the
// memory of the whole tile.
enum class Through { kCopy, kBlock, kAttention, kMlp };

struct Call {
  Through through;
  std::vector<int> in, out;  // numbers of states; each of `out` is new, and all lie in one piece of memory
  std::vector<int> done;     // states that nobody needs after this call
  bool intact = false;       // of the intact model's state, alone
};

// How the intact model takes part beside the variants.
enum class Intact {
  kAbsent,
  kThere,  // its states before and after each block are looked at
  kAlone,  // and so is what happens inside its blocks: it goes through each by itself
};

struct Schedule {
  int states = 0;                         // numbers 0 .. states - 1; 0 is the embedded text
  std::vector<std::vector<Call>> blocks;  // the calls of each block, in order
  std::vector<int> intact;                // the state before each block and after the last; empty where it is absent
  std::vector<int> result;                // the last state of each variant
};

// REQUIRES: each set is normalised and of blocks below `blocks`. `together` is how many states a call takes at most.
Schedule make_schedule(int blocks, std::span<const plan::RemovalSet> sets, Intact intact, int64_t together);

struct ScheduleCost {
  int64_t evaluations = 0;   // of blocks and of single halves, a state
  double blocks = 0;         // the same with a half as half
  int64_t live_states = 0;   // in memory at the widest point, those that are being made included
  int64_t final_states = 0;  // that go through the head
};
ScheduleCost cost_of(const Schedule& schedule);

}  // namespace shorten::score
