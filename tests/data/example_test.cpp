// SPDX-License-Identifier: Apache-2.0
#include "data/example.h"

#include <gtest/gtest.h>

namespace shorten::data {
namespace {

TEST(Example, TargetsAndHash) {
  const Example example{{5, 6, 7}, {5, kIgnored, 7}};
  EXPECT_EQ(count_targets(example), 1);  // the first label never counts
  EXPECT_EQ(count_targets({{5}, {5}}), 0);
  // sha256 of 03000000 05000000 06000000 07000000 05000000 9cffffff 07000000
  EXPECT_EQ(examples_sha256({example}), "e7a383749634226451f7c38bc9e80237947c5ac2ff929ca3895558195ddf6005");
  EXPECT_NE(examples_sha256({{{1}, {1}}, {{2}, {2}}}), examples_sha256({{{1, 2}, {1, 2}}}));
}

}  // namespace
}  // namespace shorten::data
