// SPDX-License-Identifier: Apache-2.0
#include "model/block_source.h"

#include <gmock/gmock.h>

namespace shorten::model {
namespace {

using ::testing::ElementsAre;

BlockSource three_blocks() {
  std::vector<Block> blocks(3);
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i].spec.intermediate = 10 * static_cast<int64_t>(i);
  return blocks;
}

TEST(BlockSource, PassesTakeEveryBlockOnceInTheirOrder) {
  const BlockSource source = three_blocks();
  std::vector<int64_t> up, down;
  for (const BlockLease& block : source.forward()) {
    EXPECT_EQ(block->spec, source.spec(block.index()));
    up.push_back(block->spec.intermediate);
  }
  for (const BlockLease& block : source.backward()) down.push_back(static_cast<int64_t>(block.index()));
  EXPECT_THAT(up, ElementsAre(0, 10, 20));
  EXPECT_THAT(down, ElementsAre(2, 1, 0));
  const BlockSource none;
  for (const BlockLease& block : none.forward()) FAIL() << block.index();
}

TEST(BlockSource, ALeaseOfAResidentBlockIsTheBlock) {
  const BlockSource source = three_blocks();
  EXPECT_EQ(&*source.lease(1), &source.resident()[1]);
}

}  // namespace
}  // namespace shorten::model
