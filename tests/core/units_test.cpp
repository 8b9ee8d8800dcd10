// SPDX-License-Identifier: Apache-2.0
#include "core/units.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace shorten {
namespace {

using ::testing::HasSubstr;

TEST(HumanBytes, UsesPowersOfAThousand) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(1000), "1.00 kB");
  EXPECT_EQ(human_bytes(29'157'432), "29.2 MB");
  EXPECT_EQ(human_bytes(700'000'000), "700 MB");
  EXPECT_EQ(human_bytes(5'000'000'000'000'000), "5000 TB");
}

TEST(HumanCount, SaysBillion) {
  EXPECT_EQ(human_count(14'561'472), "14.6 M");
  EXPECT_EQ(human_count(6'740'000'000), "6.74 B");
}

TEST(WithSeparators, GroupsByThree) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(14'561'472), "14,561,472");
  EXPECT_EQ(with_separators(-123'456), "-123,456");
}

TEST(HumanSeconds, GetsCoarser) {
  EXPECT_EQ(human_seconds(0.84), "0.8 s");
  EXPECT_EQ(human_seconds(12), "12 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(7500), "2 h 05 min");
}

TEST(ParseCount, TakesBillionsInEitherCase) {
  EXPECT_EQ(parse_count("14561472", "--params"), 14'561'472u);
  EXPECT_EQ(parse_count("5.5B", "--params"), 5'500'000'000u);
  EXPECT_EQ(parse_count("5.5b", "--params"), 5'500'000'000u);
  EXPECT_EQ(parse_count("700M", "--params"), 700'000'000u);
  EXPECT_EQ(parse_count("700 m", "--params"), 700'000'000u);
  EXPECT_EQ(parse_count("1G", "--params"), 1'000'000'000u);
}

TEST(ParseCount, RefusesTheRest) {
  for (const char* text : {"", "B", "-1", "nan", "inf", "1e30B", "5KB", "5X", "5 billion", "1,000"}) {
    EXPECT_THROW(parse_count(text, "--params"), Error) << text;
  }
  try {
    parse_count("many", "--params");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
    EXPECT_THAT(e.message(), HasSubstr("--params is not a count: \"many\""));
  }
}

TEST(ParseBytes, TakesDecimalAndBinaryFactors) {
  EXPECT_EQ(parse_bytes("100", "--size"), 100u);
  EXPECT_EQ(parse_bytes("100B", "--size"), 100u);
  EXPECT_EQ(parse_bytes("9GB", "--size"), 9'000'000'000u);
  EXPECT_EQ(parse_bytes("9gb", "--size"), 9'000'000'000u);
  EXPECT_EQ(parse_bytes("700 MiB", "--size"), 734'003'200u);
  EXPECT_EQ(parse_bytes("1.5Gi", "--size"), 1'610'612'736u);
}

TEST(ParseBytes, RefusesTheRest) {
  for (const char* text : {"", "GB", "-1B", "9GBB", "9iB", "9EB", "10000000TB"}) {
    EXPECT_THROW(parse_bytes(text, "--size"), Error) << text;
  }
  try {
    parse_bytes("big", "--size");
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), HasSubstr("--size is not a size: \"big\""));
  }
}

}  // namespace
}  // namespace shorten
