// SPDX-License-Identifier: Apache-2.0
#include "plan/unit.h"

#include <gmock/gmock.h>

namespace shorten::plan {
namespace {

using testing::ElementsAre;

constexpr Unit whole(int block) { return {block, Part::kWhole}; }
constexpr Unit attention(int block) { return {block, Part::kAttention}; }
constexpr Unit mlp(int block) { return {block, Part::kMlp}; }

TEST(RemovalSet, OfWholeBlocksIsSorted) {
  EXPECT_THAT(whole_blocks(std::vector{5, 1}), ElementsAre(whole(1), whole(5)));
  EXPECT_THAT(blocks_of({whole(1), mlp(2), whole(5)}), ElementsAre(1, 5));
}

TEST(RemovalSet, AHalfIsGoneWithItsBlockToo) {
  const RemovalSet set = {attention(0), whole(2)};
  EXPECT_TRUE(removes(set, 0, Part::kAttention));
  EXPECT_FALSE(removes(set, 0, Part::kMlp));
  EXPECT_FALSE(removes(set, 0, Part::kWhole));
  EXPECT_TRUE(removes(set, 2, Part::kMlp));
  EXPECT_TRUE(removes(set, 2, Part::kWhole));
  EXPECT_FALSE(removes(set, 1, Part::kWhole));
}

TEST(RemovalSet, TwoHalvesAreABlock) {
  EXPECT_THAT(normalised({mlp(3), attention(3), mlp(1)}), ElementsAre(mlp(1), whole(3)));
  EXPECT_THAT(normalised({mlp(3), whole(3), attention(3), mlp(3)}), ElementsAre(whole(3)));
  EXPECT_THAT(normalised({mlp(1), mlp(1)}), ElementsAre(mlp(1)));
  EXPECT_THAT(normalised({}), ElementsAre());
}

TEST(Unit, HasAName) {
  EXPECT_EQ(unit_name(whole(7)), "7");
  EXPECT_EQ(unit_name(mlp(7)), "7 mlp");
}

}  // namespace
}  // namespace shorten::plan
