// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/check.h"
#include "golden_math.h"
#include "tasks/parallel.h"
#include "tasks/python_random.h"

namespace shorten::tasks {
namespace {

class PythonRandomGolden : public ::testing::TestWithParam<size_t> {
 protected:
  const Json& golden() const { return test::golden_math("random").at(GetParam()); }
  PythonRandom random_{golden().at("seed").get<uint32_t>()};
};

TEST_P(PythonRandomGolden, Random) {
  for (const Json& x : golden().at("first")) EXPECT_EQ(random_.random(), x.get<double>());
  for (int i = 0; i < 700; ++i) random_.random();
  for (const Json& x : golden().at("late")) EXPECT_EQ(random_.random(), x.get<double>());
}

TEST_P(PythonRandomGolden, Below) {
  for (const Json& pair : golden().at("below")) {
    EXPECT_EQ(random_.below(pair[0].get<uint64_t>()), pair[1].get<uint64_t>()) << pair;
  }
}

TEST_P(PythonRandomGolden, Choices) {
  for (const Json& index : golden().at("choices")) EXPECT_EQ(random_.choice_index(5153), index.get<size_t>());
}

TEST_P(PythonRandomGolden, Shuffle) {
  std::vector<int> order(50);
  std::iota(order.begin(), order.end(), 0);
  random_.shuffle(order);
  EXPECT_EQ(order, golden().at("shuffled").get<std::vector<int>>());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PythonRandomGolden, ::testing::Range(size_t{0}, size_t{6}));

TEST(PythonRandom, ShufflesNothing) {
  std::vector<int> none, one{7};
  PythonRandom random(1);
  random.shuffle(none);
  random.shuffle(one);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(one, std::vector<int>{7});
}

TEST(PythonRandom, RefusesBoundsItCannotDraw) {
  PythonRandom random(1);
  EXPECT_THROW(random.below(0), CheckFailure);
  EXPECT_THROW(random.below(uint64_t{1} << 32), CheckFailure);
}

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
