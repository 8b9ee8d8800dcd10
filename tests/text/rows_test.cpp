// SPDX-License-Identifier: Apache-2.0
#include "text/rows.h"

#include <gtest/gtest.h>

namespace shorten::text {
namespace {

TEST(Rows, WikitextKeepsLineFeedsAndEmptiesBlankLines) {
  EXPECT_EQ(join_wikitext_rows(" \n = T = \n \n x y \n"), "\n\n = T = \n\n\n\n\n x y \n");
  EXPECT_EQ(join_wikitext_rows("a\nb"), "a\n\n\nb");
  EXPECT_EQ(join_wikitext_rows("\u3000\na\n"), "\n\na\n");  // blank as Python has it
  EXPECT_EQ(join_wikitext_rows("a"), "a");
  EXPECT_EQ(join_wikitext_rows("\n"), "");
  EXPECT_EQ(join_wikitext_rows(""), "");
}

TEST(Rows, PtbIsStripped) {
  EXPECT_EQ(join_ptb_rows(" the cat sat \n on <unk> N \n", "\n\n"), "the cat sat\n\non <unk> N");
  EXPECT_EQ(join_ptb_rows(" the cat sat \n on <unk> N \n", " "), "the cat sat on <unk> N");
  EXPECT_EQ(join_ptb_rows("a\n \nb", " "), "a  b");
  EXPECT_EQ(join_ptb_rows("", " "), "");
}

}  // namespace
}  // namespace shorten::text
