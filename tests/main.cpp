// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/progress.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  shorten::set_verbosity(shorten::Verbosity::kQuiet);  // a test report is no place for progress
  return RUN_ALL_TESTS();
}
