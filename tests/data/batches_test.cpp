// SPDX-License-Identifier: Apache-2.0
// Order and layout: every example exactly once, in the same place for the same seed.
#include "data/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/check.h"
#include "core/random.h"

namespace shorten::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Indices = std::vector<size_t>;

Indices epoch_of(size_t examples, int64_t batch, int64_t epoch, uint64_t seed, bool shuffle = true) {
  Indices out;
  const int64_t steps = steps_of(examples, batch, 1);
  for (int64_t s = 0; s < steps; ++s) {
    const Indices part = batch_of(examples, batch, epoch * steps + s, seed, shuffle);
    EXPECT_EQ(part.size(), s + 1 < steps ? static_cast<size_t>(batch) : examples - static_cast<size_t>(s * batch));
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

TEST(Batches, AnEpochIsAPermutation) {
  for (const size_t examples : {1u, 2u, 7u, 64u, 100u}) {
    for (const int64_t batch : {1, 3, 8, 200}) {
      std::set<Indices> orders;
      for (int64_t epoch = 0; epoch < 3; ++epoch) {
        Indices order = epoch_of(examples, batch, epoch, 5);
        orders.insert(order);
        std::sort(order.begin(), order.end());
        Indices all(examples);
        std::iota(all.begin(), all.end(), size_t{0});
        EXPECT_EQ(order, all);
      }
      if (examples >= 64) {
        EXPECT_EQ(orders.size(), 3u) << "epochs in the same order";
      }
    }
  }
}

TEST(Batches, OrderDependsOnSeedAndNotOnBatch) {
  EXPECT_EQ(epoch_of(50, 7, 1, 3), epoch_of(50, 16, 1, 3));
  EXPECT_NE(epoch_of(50, 7, 0, 3), epoch_of(50, 7, 0, 4));
  EXPECT_NE(epoch_of(50, 7, 1, 3), epoch_of(50, 7, 0, 4));  // neighbours of neighbours
  EXPECT_THAT(epoch_of(6, 4, 2, 3, false), ElementsAre(0, 1, 2, 3, 4, 5));
  // Never to change, because runs that were interrupted go on with it. Computed by the rule in another language.
  EXPECT_THAT(batch_of(10, 4, 0, 1234, true), ElementsAre(2, 4, 7, 8));
  EXPECT_THAT(held_out(10, 3, 1234, true), ElementsAre(3, 6, 8));
}

TEST(Batches, EveryPlaceIsEquallyLikely) {
  int count[5][5] = {};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Indices order = batch_of(5, 5, 0, seed, true);
    for (size_t p = 0; p < 5; ++p) ++count[p][order[p]];
  }
  for (const auto& row : count) {
    for (const int n : row) EXPECT_NEAR(n, 400, 100);  // 5.6 standard deviations
  }
}

TEST(Batches, StepsAndHeldOut) {
  EXPECT_EQ(steps_of(100, 64, 2), 4);
  EXPECT_EQ(steps_of(128, 64, 3), 6);
  EXPECT_EQ(steps_of(1, 64, 1), 1);
  EXPECT_THAT(held_out(10, 3, 1, false), ElementsAre(7, 8, 9));
  EXPECT_THAT(held_out(10, 0, 1, true), IsEmpty());
  const Indices out = held_out(1000, 100, 1, true);
  EXPECT_EQ(std::set<size_t>(out.begin(), out.end()).size(), 100u);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
  EXPECT_LT(out.back(), 1000u);
  EXPECT_EQ(out, held_out(1000, 100, 1, true));
  EXPECT_NE(out, held_out(1000, 100, 2, true));
  EXPECT_THROW(held_out(3, 3, 1, true), CheckFailure);
  EXPECT_THROW(batch_of(0, 4, 0, 1, true), CheckFailure);
}

Example of_length(size_t length, bool counts = true) {
  Example out;
  out.ids.assign(length, 3);
  out.labels.assign(length, counts ? 3 : kIgnored);
  return out;
}

std::vector<Example> of_lengths(const std::vector<size_t>& lengths) {
  std::vector<Example> out;
  for (const size_t length : lengths) out.push_back(of_length(length));
  return out;
}

Indices examples_in(const MicroBatch& batch) {
  Indices out;
  for (const Row& row : batch.rows) out.insert(out.end(), row.examples.begin(), row.examples.end());
  return out;
}

TEST(LayOut, PacksLongestFirstIntoTheFirstRowWithRoom) {
  const auto examples = of_lengths({3, 8, 4, 6, 2, 10});
  const auto out = lay_out(examples, {0, 1, 2, 3, 4, 5}, {.pack = true, .length = 10, .micro_batch = 2});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_THAT(out[0].rows[0].examples, ElementsAre(5));
  EXPECT_THAT(out[0].rows[1].examples, ElementsAre(1, 4));
  EXPECT_THAT(out[1].rows[0].examples, ElementsAre(3, 2));
  EXPECT_THAT(out[1].rows[1].examples, ElementsAre(0));
  EXPECT_EQ(out[0].width, 16);
  EXPECT_EQ(out[0].targets, 9 + 7 + 1);
  EXPECT_EQ(out[1].targets, 5 + 3 + 2);
}

TEST(LayOut, PadsRowsOfLikeLength) {
  const auto examples = of_lengths({3, 9, 17, 8, 2});
  const auto out = lay_out(examples, {4, 3, 2, 1, 0}, {.pack = false, .micro_batch = 2});
  ASSERT_EQ(out.size(), 3u);
  EXPECT_THAT(examples_in(out[0]), ElementsAre(2, 1));
  EXPECT_THAT(examples_in(out[1]), ElementsAre(3, 0));
  EXPECT_THAT(examples_in(out[2]), ElementsAre(4));
  EXPECT_EQ(out[0].width, 24);
  EXPECT_EQ(out[1].width, 8);
}

TEST(LayOut, KeepsTheOrderOfMicroBatches) {
  auto examples = of_lengths({3, 9, 17, 8, 2});
  examples[1] = of_length(9, false);
  const auto out = lay_out(examples, {4, 1, 3, 2, 1}, {.micro_batch = 2, .keep_order = true});
  ASSERT_EQ(out.size(), 2u);  // the third has nothing to learn
  EXPECT_THAT(examples_in(out[0]), ElementsAre(4));
  EXPECT_THAT(examples_in(out[1]), ElementsAre(3, 2));
}

TEST(LayOut, EachExampleOnceAndNoRowTooLong) {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Example> examples;
    const size_t count = 1 + random.below(40);
    for (size_t i = 0; i < count; ++i) examples.push_back(of_length(2 + random.below(70), random.below(8) > 0));
    const Indices chosen = batch_of(count, static_cast<int64_t>(count), 0, round, true);
    const Layout layout{.pack = random.below(2) == 0,
                        .length = static_cast<int64_t>(8 + random.below(60)),
                        .micro_batch = static_cast<int64_t>(1 + random.below(5)),
                        .keep_order = random.below(3) == 0};
    Indices expected, found;
    int64_t longest = 0, targets = 0, laid = 0;
    for (const size_t i : chosen) {
      if (count_targets(examples[i]) == 0) continue;
      expected.push_back(i);
      longest = std::max(longest, static_cast<int64_t>(examples[i].ids.size()));
      targets += count_targets(examples[i]);
    }
    for (const MicroBatch& batch : lay_out(examples, chosen, layout)) {
      EXPECT_LE(batch.rows.size(), static_cast<size_t>(layout.micro_batch));
      EXPECT_FALSE(batch.rows.empty());
      EXPECT_EQ(batch.width % 8, 0);
      laid += batch.targets;
      int64_t widest = 0;
      for (const Row& row : batch.rows) {
        int64_t tokens = 0;
        for (const size_t i : row.examples) tokens += static_cast<int64_t>(examples[i].ids.size());
        EXPECT_EQ(row.tokens, tokens);
        EXPECT_LE(tokens, std::max(layout.length, longest));
        if (!layout.pack || layout.keep_order) {
          EXPECT_EQ(row.examples.size(), 1u);
        }
        widest = std::max(widest, tokens);
        found.insert(found.end(), row.examples.begin(), row.examples.end());
      }
      EXPECT_GE(batch.width, widest);
      EXPECT_LT(batch.width, widest + 8);
    }
    EXPECT_EQ(laid, targets);
    if (!layout.keep_order) {
      std::sort(expected.begin(), expected.end());
      std::sort(found.begin(), found.end());
    }
    EXPECT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace shorten::data
