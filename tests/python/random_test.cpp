// SPDX-License-Identifier: Apache-2.0
#include "python/random.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/check.h"
#include "tasks/golden_math.h"

namespace shorten::python {
namespace {

class PythonRandomGolden : public ::testing::TestWithParam<size_t> {
 protected:
  const Json& golden() const { return test::golden_math("random").at(GetParam()); }
  python::Random random_{golden().at("seed").get<uint32_t>()};
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
  python::Random random(1);
  random.shuffle(none);
  random.shuffle(one);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(one, std::vector<int>{7});
}

TEST(PythonRandom, RefusesBoundsItCannotDraw) {
  python::Random random(1);
  EXPECT_THROW(random.below(0), CheckFailure);
  EXPECT_THROW(random.below(uint64_t{1} << 32), CheckFailure);
}

}  // namespace
}  // namespace shorten::python
