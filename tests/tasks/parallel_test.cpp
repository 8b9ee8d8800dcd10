// SPDX-License-Identifier: Apache-2.0
#include "tasks/parallel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace shorten::tasks {
namespace {

TEST(ForEachIndex, CallsEachOnce) {
  for (const int threads : {1, 2, 7}) {
    std::vector<int> calls(100);
    for_each_index(
        calls.size(), [&](size_t i) { ++calls[i]; }, threads);
    EXPECT_EQ(calls, std::vector<int>(100, 1));
  }
  for_each_index(0, [](size_t) { FAIL(); });
}

// Both have begun when the first of them throws.
TEST(ForEachIndex, ThrowsTheErrorOfTheLowestIndex) {
  for (const size_t slow : {size_t{0}, size_t{1}}) {
    std::latch begun(2);
    std::string message;
    const auto work = [&](size_t i) {
      begun.arrive_and_wait();
      if (i == slow) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      throw std::runtime_error(std::to_string(i));
    };
    try {
      for_each_index(2, work, 2);
    } catch (const std::runtime_error& e) {
      message = e.what();
    }
    EXPECT_EQ(message, "0");
  }
}

TEST(ForEachIndex, StopsAfterAnError) {
  int calls = 0;
  const auto work = [&](size_t) {
    ++calls;
    throw std::runtime_error("");
  };
  EXPECT_THROW(for_each_index(1000, work, 1), std::runtime_error);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace shorten::tasks
