// SPDX-License-Identifier: Apache-2.0
// Expected values are what CPython 3.11 says.
#include "python/text.h"

#include <gtest/gtest.h>

#include "core/utf8.h"

namespace shorten::python::python {
namespace {

TEST(PythonText, WhiteSpaceIsTwentyNineCodePoints) {
  int count = 0;
  for (char32_t c = 0; c < 0x110000; ++c) count += is_space(c) ? 1 : 0;
  EXPECT_EQ(count, 29);
  for (const char32_t c :
       {0x09, 0x0D, 0x1C, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}) {
    EXPECT_TRUE(is_space(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {0x1B, 0x21, 0x180E, 0x200B, 0xFEFF}) EXPECT_FALSE(is_space(c)) << static_cast<uint32_t>(c);
}

TEST(PythonText, Strip) {
  const std::string text = "\u3000\x1c \u00e9 \u2028 b\u00a0\n";
  EXPECT_EQ(strip(text), "\u00e9 \u2028 b");
  EXPECT_EQ(lstrip(text), "\u00e9 \u2028 b\u00a0\n");
  EXPECT_EQ(rstrip(text), "\u3000\x1c \u00e9 \u2028 b");
  EXPECT_EQ(strip(" \u3000"), "");
  EXPECT_EQ(strip(""), "");
  EXPECT_EQ(strip("\u200b"), "\u200b");
}

TEST(PythonText, CountsCodePoints) {
  EXPECT_EQ(length(""), 0);
  EXPECT_EQ(length("a\u00e9\u20ac\U0001f600e\u0301"), 6);
  EXPECT_EQ(drop_last("a\U0001f600"), "a");
  EXPECT_EQ(drop_last("a"), "");
  EXPECT_EQ(drop_last(""), "");
}

TEST(PythonText, Capitalize) {
  EXPECT_EQ(capitalize(""), "");
  EXPECT_EQ(capitalize("THE Man"), "The man");
  EXPECT_EQ(capitalize(" THE"), " the");
  EXPECT_EQ(capitalize("1ST"), "1st");
  EXPECT_EQ(capitalize("\u00c9COLE \u00c0"), "\u00c9cole \u00e0");
  EXPECT_EQ(capitalize("\u00dfTRA\u00dfE"), "Sstra\u00dfe");
  EXPECT_EQ(capitalize("\u01c6A"), "\u01c5a");  // a digraph has a title case of its own
  EXPECT_EQ(capitalize("\ufb03X"), "Ffix");
  EXPECT_EQ(capitalize("\u0149A"), "\u02bcNa");
  EXPECT_EQ(capitalize("\u1fb4A"), "\u0386\u0345a");
  EXPECT_EQ(capitalize("a\u0130"), "Ai\u0307");
  EXPECT_EQ(capitalize("\U00010428\U00010400"), "\U00010400\U00010428");
}

TEST(PythonText, GreekSigmaAtTheEndOfAWord) {
  EXPECT_EQ(capitalize("\u039f\u03a3"), "\u039f\u03c2");
  EXPECT_EQ(capitalize("\u039f\u03a3 \u039f\u03a3\u039f"), "\u039f\u03c2 \u03bf\u03c3\u03bf");
  EXPECT_EQ(capitalize("\u039f\u03a3.\u039f"), "\u039f\u03c3.\u03bf");  // a full stop may stand within a word
  EXPECT_EQ(capitalize("\u039f'\u03a3'"), "\u039f'\u03c2'");
  EXPECT_EQ(capitalize("A \u03a3"), "A \u03c3");
}

TEST(PythonText, LowerFirst) {
  EXPECT_EQ(lower_first("The Sun"), "the Sun");
  EXPECT_EQ(lower_first("\u00c9L"), "\u00e9L");
  EXPECT_EQ(lower_first("\u0130X"), "i\u0307X");
  EXPECT_EQ(lower_first("\u03a3"), "\u03c3");
  EXPECT_EQ(lower_first("1 X"), "1 X");
  EXPECT_EQ(lower_first(""), "");
}

}  // namespace
}  // namespace shorten::python::python
