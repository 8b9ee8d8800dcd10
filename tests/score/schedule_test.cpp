// SPDX-License-Identifier: Apache-2.0
#include "score/schedule.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "score/random_sets.h"

namespace shorten::score {
namespace {

using plan::Part;
using plan::RemovalSet;
using test::random_sets;

RemovalSet before(const RemovalSet& set, int block) {
  RemovalSet out;
  for (const plan::Unit& unit : set) {
    if (unit.block < block) out.push_back(unit);
  }
  return out;
}

// Every pair of a prefix and a half is computed once; a whole block where both halves are, and nobody wants the first
// alone.
int64_t plain_evaluations(int blocks, const std::vector<RemovalSet>& sets) {
  int64_t count = 0;
  for (int b = 0; b < blocks; ++b) {
    std::map<RemovalSet, std::set<std::pair<bool, bool>>> kept;  // by prefix: attention, MLP
    for (const RemovalSet& set : sets)
      kept[before(set, b)].insert({!removes(set, b, Part::kAttention), !removes(set, b, Part::kMlp)});
    for (const auto& [prefix, ways] : kept) count += static_cast<int64_t>(ways.size() - ways.count({false, false}));
  }
  return count;
}

// What the calls of a schedule make of each variant: the units that its result went through.
std::vector<std::vector<plan::Unit>> paths(const Schedule& schedule) {
  std::vector<std::vector<plan::Unit>> path(static_cast<size_t>(schedule.states));
  std::vector<bool> there(static_cast<size_t>(schedule.states), false);
  there[0] = true;
  for (size_t b = 0; b < schedule.blocks.size(); ++b) {
    for (const Call& call : schedule.blocks[b]) {
      for (size_t i = 0; i < call.in.size(); ++i) {
        const auto in = static_cast<size_t>(call.in[i]), out = static_cast<size_t>(call.out[i]);
        EXPECT_TRUE(there[in]) << "a state that was let go";
        EXPECT_FALSE(there[out]) << "a state that is there already";
        there[out] = true;
        path[out] = path[in];
        const int block = static_cast<int>(b);
        if (call.through == Through::kBlock || call.through == Through::kAttention)
          path[out].push_back({block, Part::kAttention});
        if (call.through == Through::kBlock || call.through == Through::kMlp) path[out].push_back({block, Part::kMlp});
      }
      for (const int done : call.done) there[static_cast<size_t>(done)] = false;
    }
  }
  std::vector<std::vector<plan::Unit>> out;
  for (const int state : schedule.result) {
    EXPECT_TRUE(there[static_cast<size_t>(state)]);
    out.push_back(path[static_cast<size_t>(state)]);
  }
  return out;
}

TEST(Schedule, TakesEachVariantThroughWhatItKeeps) {
  constexpr int kBlocks = 9;
  for (const bool halves : {false, true}) {
    for (const int64_t together : {1, 3, 100}) {
      for (const Intact intact : {Intact::kAbsent, Intact::kThere, Intact::kAlone}) {
        const std::vector<RemovalSet> sets = random_sets(kBlocks, 25, halves);
        const Schedule schedule = make_schedule(kBlocks, sets, intact, together);
        const auto went = paths(schedule);
        for (size_t s = 0; s < sets.size(); ++s) {
          std::vector<plan::Unit> kept;
          for (int b = 0; b < kBlocks; ++b) {
            for (const Part part : {Part::kAttention, Part::kMlp}) {
              if (!removes(sets[s], b, part)) kept.push_back({b, part});
            }
          }
          EXPECT_EQ(went[s], kept) << "set " << s;
        }
        if (intact == Intact::kAlone) continue;  // the attention of a state may be computed twice
        EXPECT_EQ(cost_of(schedule).evaluations, plain_evaluations(kBlocks, sets));
      }
    }
  }
}

TEST(Schedule, TheIntactModelMayGoAlone) {
  const std::vector<RemovalSet> sets = {{{0, Part::kMlp}}, {{1, Part::kWhole}}};
  const Schedule schedule = make_schedule(3, sets, Intact::kAlone, 100);
  ASSERT_EQ(schedule.intact.size(), 4u);
  for (size_t b = 0; b < 3; ++b) {
    const auto alone = std::find_if(schedule.blocks[b].begin(), schedule.blocks[b].end(),
                                    [](const Call& call) { return call.intact; });
    ASSERT_NE(alone, schedule.blocks[b].end());
    EXPECT_EQ(alone->through, Through::kBlock);
    EXPECT_THAT(alone->in, testing::ElementsAre(schedule.intact[b]));
    EXPECT_THAT(alone->out, testing::ElementsAre(schedule.intact[b + 1]));
  }
}

TEST(Schedule, LeavingOutEachBlockOnce) {
  std::vector<RemovalSet> sets = {{}};
  for (int b = 0; b < 32; ++b) sets.push_back({{b, Part::kWhole}});
  const ScheduleCost one = cost_of(make_schedule(32, sets, Intact::kAbsent, 1));
  EXPECT_EQ(one.evaluations, 32 * 33 / 2);
  EXPECT_EQ(one.blocks, 32 * 33 / 2);
  EXPECT_EQ(one.final_states, 33);
  EXPECT_EQ(one.live_states, 33);
  // All together: the 32 states before the last block, the one of them that stays, and what becomes of them.
  EXPECT_EQ(cost_of(make_schedule(32, sets, Intact::kThere, 100)).live_states, 32 + 1 + 32);
}

TEST(Schedule, LeavingOutEachHalfOnce) {
  std::vector<RemovalSet> sets = {{}};
  for (int b = 0; b < 8; ++b) {
    sets.push_back({{b, Part::kAttention}});
    sets.push_back({{b, Part::kMlp}});
  }
  const ScheduleCost cost = cost_of(make_schedule(8, sets, Intact::kAbsent, 1));
  // At block b: 2 b states of earlier removals whole; attention and MLP of the intact one, and its MLP without
  // attention.
  EXPECT_EQ(cost.evaluations, 7 * 8 + 3 * 8);
  EXPECT_EQ(cost.blocks, 7 * 8 + 1.5 * 8);
  EXPECT_EQ(cost.final_states, 17);
}

TEST(Schedule, WithoutVariantsTheIntactModelWalks) {
  const ScheduleCost cost = cost_of(make_schedule(4, {}, Intact::kThere, 1));
  EXPECT_EQ(cost.evaluations, 4);
  EXPECT_EQ(cost.live_states, 2);
  EXPECT_EQ(cost.final_states, 0);
}

}  // namespace
}  // namespace shorten::score
