// SPDX-License-Identifier: Apache-2.0
// Where tests find files.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace shorten::test {

// A file of this repository.
inline std::filesystem::path source_dir() { return SHORTEN_SOURCE_DIR; }
inline std::filesystem::path text_golden() { return source_dir() / "tests/text/golden"; }

// Data that a clone does not have.
inline const char* extra_data() { return std::getenv("SHORTEN_TEST_DATA"); }

}  // namespace shorten::test

// Ends the test as skipped, by name, where the larger data is not there.
#define SHORTEN_NEEDS_EXTRA_DATA() \
  if (!::shorten::test::extra_data()) GTEST_SKIP() << "SHORTEN_TEST_DATA is not set"
