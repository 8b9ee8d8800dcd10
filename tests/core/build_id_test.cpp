// SPDX-License-Identifier: Apache-2.0
#include "core/build_id.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace shorten {
namespace {

TEST(BuildId, AnotherBuildIsRefused) {
  check_build_id(kBuildId, "lib.so");
  for (const char* other : {"0.1.0-0123456789abcdef", static_cast<const char*>(nullptr)}) {
    try {
      check_build_id(other, "lib.so");
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kFault);
      EXPECT_EQ(e.file(), "lib.so");
      EXPECT_EQ(e.expected(), kBuildId);
    }
  }
}

}  // namespace
}  // namespace shorten
