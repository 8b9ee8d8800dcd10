// SPDX-License-Identifier: Apache-2.0
#include "score/schedule.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace shorten::score {
namespace {

using plan::Part;

// A state and the variants whose state it is, ascending.
struct Live {
  int state;
  std::vector<size_t> variants;
};

struct Move {
  int from, to;
  bool alone;
};

class Scheduler {
 public:
  Scheduler(std::span<const plan::RemovalSet> sets, Intact intact, int64_t together)
      : sets_(sets), intact_(intact), together_(static_cast<size_t>(together)) {
    Live text{new_state(), std::vector<size_t>(sets.size() + (intact == Intact::kAbsent ? 0 : 1))};
    std::iota(text.variants.begin(), text.variants.end(), size_t{0});
    live_.push_back(std::move(text));
    note_intact();
  }

  // Splits each state by the halves of the block that its variants keep.
  void add_block(int block) {
    out_.blocks.emplace_back();
    std::vector<Live> next;
    std::vector<Move> whole, attention, mlp;
    const auto go = [&](std::vector<Move>& moves, int from, std::vector<size_t> variants, bool alone = false) {
      moves.push_back({from, new_state(), alone});
      next.push_back({moves.back().to, std::move(variants)});
      return moves.back().to;
    };
    for (const Live& live : live_) {
      std::vector<size_t> none, attention_only, mlp_only, both;
      for (const size_t v : live.variants) {
        const bool attends = keeps(v, block, Part::kAttention), has_mlp = keeps(v, block, Part::kMlp);
        (attends ? has_mlp ? both : attention_only : has_mlp ? mlp_only : none).push_back(v);
      }
      if (!none.empty()) next.push_back({stay(live.state), std::move(none)});
      if (!mlp_only.empty()) go(mlp, live.state, std::move(mlp_only));
      const bool alone = intact_ == Intact::kAlone && !both.empty() && both.back() == sets_.size();
      const bool shares = !attention_only.empty() && !alone;  // what attention makes of the state
      const int attended = attention_only.empty() ? -1 : go(attention, live.state, std::move(attention_only));
      if (both.empty()) continue;
      shares ? go(mlp, attended, std::move(both)) : go(whole, live.state, std::move(both), alone);
    }
    add_calls(Through::kBlock, whole);
    add_calls(Through::kAttention, attention);
    add_calls(Through::kMlp, mlp);
    live_ = std::move(next);
    note_intact();
  }

  Schedule finish() {
    out_.states = static_cast<int>(in_a_tile_.size());
    out_.result.resize(sets_.size());
    for (const Live& live : live_) {
      for (const size_t v : live.variants) {
        if (v < sets_.size()) out_.result[v] = live.state;
      }
    }
    mark_done();
    return std::move(out_);
  }

 private:
  bool keeps(size_t variant, int block, Part part) const {
    return variant == sets_.size() || !plan::removes(sets_[variant], block, part);
  }

  int new_state() {
    in_a_tile_.push_back(false);
    return static_cast<int>(in_a_tile_.size()) - 1;
  }

  int stay(int state) {
    if (!in_a_tile_[static_cast<size_t>(state)]) return state;
    const int copy = new_state();
    out_.blocks.back().push_back({Through::kCopy, {state}, {copy}, {}});
    return copy;
  }

  // As many moves at once as a call takes, in their order.
  void add_calls(Through through, const std::vector<Move>& moves) {
    std::vector<Call>& calls = out_.blocks.back();
    bool open = false;  // the last call takes more
    for (const Move& move : moves) {
      if (!open || move.alone) calls.push_back({through, {}, {}, {}, move.alone});
      calls.back().in.push_back(move.from);
      calls.back().out.push_back(move.to);
      open = !move.alone && calls.back().in.size() < together_;
    }
    for (const Call& call : calls) {
      for (const int state : call.out) in_a_tile_[static_cast<size_t>(state)] = call.out.size() > 1;
    }
  }

  void note_intact() {
    if (intact_ == Intact::kAbsent) return;
    for (const Live& live : live_) {
      if (live.variants.back() == sets_.size()) out_.intact.push_back(live.state);
    }
  }

  // From the last call to the first: where a state is seen first it is needed last. The intact state before a block is
  // needed until it has gone through.
  void mark_done() {
    std::vector<bool> needed(in_a_tile_.size(), false);
    for (const int state : out_.result) needed[static_cast<size_t>(state)] = true;
    if (!out_.intact.empty()) needed[static_cast<size_t>(out_.intact.back())] = true;
    for (size_t b = out_.blocks.size(); b-- > 0;) {
      const int intact = out_.intact.empty() ? -1 : out_.intact[b];
      for (size_t c = out_.blocks[b].size(); c-- > 0;) {
        Call& call = out_.blocks[b][c];
        std::vector<int> seen = call.in;
        if (intact >= 0) seen.push_back(intact);
        for (const int state : seen) {
          if (!needed[static_cast<size_t>(state)]) call.done.push_back(state);
          needed[static_cast<size_t>(state)] = true;
        }
      }
    }
  }

  std::span<const plan::RemovalSet> sets_;
  Intact intact_;
  size_t together_;
  std::vector<Live> live_;
  std::vector<bool> in_a_tile_;  // [state]
  Schedule out_;
};

}  // namespace

Schedule make_schedule(int blocks, std::span<const plan::RemovalSet> sets, Intact intact, int64_t together) {
  for (const plan::RemovalSet& set : sets) {
    SHORTEN_CHECK(
        set == plan::normalised(set) && (set.empty() || (set.front().block >= 0 && set.back().block < blocks)),
        "a removal set that is not normalised or of other blocks");
  }
  Scheduler scheduler(sets, intact, together);
  for (int b = 0; b < blocks; ++b) scheduler.add_block(b);
  return scheduler.finish();
}

ScheduleCost cost_of(const Schedule& schedule) {
  ScheduleCost cost;
  std::vector<size_t> piece(static_cast<size_t>(schedule.states), 0);  // of memory that each state lies in
  std::vector<int64_t> size = {1}, left = {1};                         // [piece] states in it, and those still needed
  int64_t live = 1;
  cost.live_states = 1;
  for (const std::vector<Call>& calls : schedule.blocks) {
    for (const Call& call : calls) {
      const auto states = static_cast<int64_t>(call.out.size());
      if (call.through != Through::kCopy) {
        cost.evaluations += states;
        cost.blocks += (call.through == Through::kBlock ? 1 : 0.5) * static_cast<double>(states);
      }
      for (const int state : call.out) piece[static_cast<size_t>(state)] = size.size();
      size.push_back(states);
      left.push_back(states);
      live += states;
      cost.live_states = std::max(cost.live_states, live);
      for (const int state : call.done) {
        const size_t p = piece[static_cast<size_t>(state)];
        if (--left[p] == 0) live -= size[p];
      }
    }
  }
  std::vector<int> last = schedule.result;
  std::sort(last.begin(), last.end());
  cost.final_states = std::unique(last.begin(), last.end()) - last.begin();
  return cost;
}

}  // namespace shorten::score
