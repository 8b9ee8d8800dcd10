// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "core/error.h"
#include "plan/plan.h"

namespace shorten::plan {
namespace {

using testing::ElementsAre;

TEST(BlockList, NumbersAndRanges) {
  EXPECT_THAT(parse_block_list("3,5-7", 32, "drop"), ElementsAre(3, 5, 6, 7));
  EXPECT_THAT(parse_block_list("7, 0 ,2-2", 8, "drop"), ElementsAre(0, 2, 7));
  EXPECT_THAT(parse_block_list("0-31", 32, "keep").size(), 32u);
}

TEST(BlockList, NonsenseIsAnErrorThatNamesTheOption) {
  for (const char* text : {"", ",", "1,", "1,,2", "a", "1-", "-1", "1-2-3", "2-1", "3,3", "1-4,2", "32", "0-32",
                           "99999999999999999999", "1.5", "+1", "0x1", "1;2", "\xFF"}) {
    try {
      parse_block_list(text, 32, "drop");
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kUsage) << text;
      EXPECT_THAT(e.where(), testing::StartsWith("drop")) << text;
    }
  }
}

}  // namespace
}  // namespace shorten::plan
