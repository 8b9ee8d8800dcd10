// SPDX-License-Identifier: Apache-2.0
#include "python/literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shorten::python {
namespace {

Json parse(std::string_view text) { return python::parse_literal(text, bad_input("damaged").file("f")); }

TEST(PythonLiteral, Values) {
  EXPECT_EQ(parse("[1, -2, True, False, None, 'a', \"b'c\"]"),
            Json::parse(R"([1, -2, true, false, null, "a", "b'c"])"));
  EXPECT_EQ(parse(" {'k': [], \"l\": {}, 'm': (1,), 'n': (), } "),
            Json::parse(R"({"k": [], "l": {}, "m": [1], "n": []})"));
  EXPECT_EQ(parse(R"('\'\"\\\n\t\r\x41\xe9\u20ac\U0001f600 é')"), Json("'\"\\\n\t\rA\u00e9\u20ac\U0001f600 \u00e9"));
  EXPECT_EQ(parse("[\n 'a' ,\n 'b'\n]"), Json::parse(R"(["a", "b"])"));
}

TEST(PythonLiteral, ErrorsSayWhere) {
  for (const char* text : {"",
                           "[",
                           "]",
                           "[1",
                           "[1 2]",
                           "[1,,2]",
                           "{1: 2}",
                           "{'a'}",
                           "{'a': 1, 'a': 2}",
                           "'a",
                           "'a\n'",
                           "'\\",
                           "'\\q'",
                           "'\\x4'",
                           "'\\x4g'",
                           "'\\ud800'",
                           "'\\U00110000'",
                           "nan",
                           "1.5",
                           "99999999999999999999",
                           "[1] x",
                           "b'a'",
                           "__import__('os')"}) {
    try {
      parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.message(), "damaged");
      EXPECT_EQ(e.file(), "f");
      EXPECT_THAT(e.expected(), testing::HasSubstr("offset")) << text;
    }
  }
  EXPECT_THROW(parse(std::string(100000, '[')), Error);
}

}  // namespace
}  // namespace shorten::python
