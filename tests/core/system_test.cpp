// SPDX-License-Identifier: Apache-2.0
#include "core/system.h"

#include <gtest/gtest.h>

#include <fstream>

#include "temp_dir.h"

namespace shorten {
namespace {

TEST(System, OthersRunWhereMoreThanTheCallerDoes) {
  const test::TempDir temp;
  const auto with = [&](const char* text) {
    std::ofstream(temp / "loadavg") << text;
    return others_run(temp / "loadavg");
  };
  EXPECT_FALSE(with("0.00 0.01 0.05 1/80 16681\n"));
  EXPECT_TRUE(with("0.00 0.01 0.05 2/80 16681\n"));
  EXPECT_TRUE(with("3.00 2.01 1.05 17/80 16681\n"));
  EXPECT_FALSE(with("9.00 9.01 9.05 1/80 16681\n")) << "what ran a minute ago does not count";
  EXPECT_TRUE(with("nothing\n"));
  EXPECT_TRUE(others_run(temp / "missing"));
}

}  // namespace
}  // namespace shorten
