// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace shorten {
namespace {

using ::testing::HasSubstr;

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return usage_error("");
}

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
}

TEST(ParseJson, RefusesAKeyThatAppearsTwice) {
  const Error e = error_of([] { parse_json(R"({"a": {"b": 1, "c": 2, "b": 3}})", "f.json"); });
  EXPECT_EQ(e.code(), ExitCode::kBadInput);
  EXPECT_EQ(e.file(), "f.json");
  EXPECT_THAT(e.where(), HasSubstr("\"b\""));
  EXPECT_NO_THROW(parse_json(R"([{"a": 1}, {"a": {"a": 2}}])", "f"));  // of different objects
}

TEST(ParseJson, LimitsTheDepth) {
  EXPECT_NO_THROW(parse_json(nested(64), "f"));
  EXPECT_THAT(error_of([] { parse_json(nested(65), "f"); }).message(), HasSubstr("too deeply"));
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "f"), Error);
}

TEST(ParseJson, NamesTheLineOrThePlaceItIsGiven) {
  EXPECT_EQ(error_of([] { parse_json("{\n\"a\": 1,\n}", "f"); }).where(), "line 3");
  EXPECT_EQ(error_of([] { parse_json("{", "f", "line 17"); }).where(), "line 17");
  EXPECT_THAT(error_of([] { parse_json("\"\xFF\"", "f"); }).found(), HasSubstr("0xff at offset 1"));
}

class TypedAccess : public ::testing::Test {
 protected:
  const Json json_ = parse_json(
      R"({"n": 7, "big": 18446744073709551615, "x": 1.5, "s": "text", "b": true, "z": null, "list": [1, 2.5],
          "mixed": [1, "a"], "o": {"k": -1}})",
      "f");
  const JsonObject object_{json_, "f.json", "line 2"};
};

TEST_F(TypedAccess, GivesWhatIsThere) {
  EXPECT_EQ(object_.integer("n", 0, 7), 7);
  EXPECT_EQ(object_.number("x"), 1.5);
  EXPECT_EQ(object_.number("n"), 7);
  EXPECT_EQ(object_.string("s"), "text");
  EXPECT_TRUE(object_.boolean("b"));
  EXPECT_EQ(object_.numbers("list"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(object_.object("o").integer("k", -1, 1), -1);
}

TEST_F(TypedAccess, FallsBackForAbsentAndNull) {
  EXPECT_FALSE(object_.has("z"));
  EXPECT_EQ(object_.integer_or("z", 3, 0, 9), 3);
  EXPECT_EQ(object_.integer_or("absent", 3, 0, 9), 3);
  EXPECT_EQ(object_.string_or("absent", "d"), "d");
  EXPECT_EQ(object_.number_or("x", 0), 1.5);
  EXPECT_THROW(object_.boolean_or("n", false), Error);  // there, but of another type
}

TEST_F(TypedAccess, NamesFileAndKey) {
  const Error e = error_of([this] { object_.integer("s", 0, 9); });
  EXPECT_EQ(e.code(), ExitCode::kBadInput);
  EXPECT_EQ(e.file(), "f.json");
  EXPECT_EQ(e.where(), "line 2, key \"s\"");
  EXPECT_EQ(e.expected(), "an integer from 0 to 9");
  EXPECT_EQ(e.found(), "string \"text\"");
  EXPECT_EQ(error_of([this] { object_.object("o").string("k"); }).where(), "line 2, key \"o\", key \"k\"");
  EXPECT_THAT(error_of([this] { object_.string("absent"); }).message(), HasSubstr("missing"));
}

TEST_F(TypedAccess, RefusesOtherTypesAndRanges) {
  EXPECT_THROW(object_.integer("x", 0, 9), Error);
  EXPECT_THROW(object_.integer("n", 8, 9), Error);
  EXPECT_THROW(object_.integer("big", 0, INT64_MAX), Error);
  EXPECT_THROW(object_.number("s"), Error);
  EXPECT_THROW(object_.boolean("n"), Error);
  EXPECT_THROW(object_.array("o"), Error);
  EXPECT_THROW(object_.object("list"), Error);
  EXPECT_THROW(object_.numbers("mixed"), Error);
  EXPECT_THROW(JsonObject(json_["list"], "f"), Error);
}

TEST_F(TypedAccess, RefusesUnknownKeys) {
  EXPECT_NO_THROW(object_.object("o").expect_only({"k", "l"}));
  EXPECT_THAT(error_of([this] { object_.object("o").expect_only({"l"}); }).where(), HasSubstr("\"k\""));
}

}  // namespace
}  // namespace shorten
