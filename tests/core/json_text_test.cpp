// SPDX-License-Identifier: Apache-2.0
#include "core/json_text.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace shorten {
namespace {

using testing::ElementsAre;

TEST(CheckJsonText, AcceptsWhatTheParserAccepts) {
  for (const std::string_view text :
       {"{}", " [1, -2.5e3, \"\\u00e9\", null, true] ", "\"a\"", "0", "{\"a\": {\"b\": []}}\n"}) {
    EXPECT_NO_THROW(check_json_text(text, "f")) << text;
  }
}

TEST(CheckJsonText, RefusesTheRest) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "{"sv, "{} {}"sv, "[1,]"sv, "nan"sv, "01"sv, "\"\xFF\""sv, "{}\0"sv,
                                      "\xEF\xBB\xBF{}"sv, "'a'"sv, "1e999"sv}) {
    EXPECT_THROW(check_json_text(text, "f"), Error) << text;
  }
}

TEST(CheckJsonText, NamesTheLine) {
  try {
    check_json_text("{\n  \"a\": 1\n  \"b\": 2\n}", "f.json");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.where(), "line 3");
    EXPECT_EQ(e.file(), "f.json");
  }
}

TEST(JsonMembers, AreFoundInOrderWithTheirText) {
  const std::string text = R"( { "a" : [1, {"]": "}\""}] ,"b\u0062":-1.50e+3 , "" : "x,y" , "d":null} )";
  std::vector<std::string> keys, values;
  for (const JsonMember& m : json_members(text)) {
    keys.push_back(m.key);
    values.emplace_back(m.value);
  }
  EXPECT_THAT(keys, ElementsAre("a", "bb", "", "d"));
  EXPECT_THAT(values, ElementsAre(R"([1, {"]": "}\""}])", "-1.50e+3", "\"x,y\"", "null"));
}

TEST(JsonMembers, OfEmptyContainersAreNone) {
  EXPECT_TRUE(json_members(" { } ").empty());
  EXPECT_TRUE(json_elements("[\n]").empty());
}

TEST(JsonElements, AreFoundInOrder) {
  EXPECT_THAT(json_elements("[ 1,\"a,]\" , [2,3],{\"k\":[]}, true]"),
              ElementsAre("1", "\"a,]\"", "[2,3]", "{\"k\":[]}", "true"));
}

TEST(JsonString, LosesQuotesAndEscapes) {
  EXPECT_EQ(json_string("\"plain\""), "plain");
  EXPECT_EQ(json_string("\"a\\n\\u00e9\\\"\""), "a\n\xC3\xA9\"");
}

TEST(ReplacePart, LeavesEverythingElse) {
  const std::string text = "{ \"a\":1,\n\t\"num\" : 32 , \"z\": 1e-05}";
  EXPECT_EQ(replace_part(text, *find_json_value(text, "num"), "26"), "{ \"a\":1,\n\t\"num\" : 26 , \"z\": 1e-05}");
  EXPECT_FALSE(find_json_value(text, "absent"));
}

TEST(KeepJsonElements, KeepsTheLayout) {
  EXPECT_EQ(keep_json_elements("[1, 2,3 ,4]", {1, 3}), "[2 ,4]");
  EXPECT_EQ(keep_json_elements("[\n    \"a\",\n    \"b\",\n    \"c\"\n  ]", {0, 2}), "[\n    \"a\",\n    \"c\"\n  ]");
  EXPECT_EQ(keep_json_elements("[\n    \"a\",\n    \"b\"\n  ]", {1}), "[\n    \"b\"\n  ]");
  EXPECT_EQ(keep_json_elements("[1, 2]", {0, 1}), "[1, 2]");
  EXPECT_EQ(keep_json_elements("[1, 2]", {}), "[]");
}

TEST(ReadableJson, PutsOnOneLineWhatFits) {
  EXPECT_EQ(readable_json({{"a", 1}, {"list", {1, 2, 3}}, {"o", {{"k", "v"}}}, {"e", Json::object()}}),
            "{\n  \"a\": 1,\n  \"list\": [1, 2, 3],\n  \"o\": {\"k\": \"v\"},\n  \"e\": {}\n}\n");
}

TEST(ReadableJson, BreaksWhatDoesNotFitAndReadsBackEqual) {
  const Json value = {{"long", std::vector<std::string>(9, "fifteen letters")}, {"x", 0.1}};
  const std::string text = readable_json(value);
  EXPECT_THAT(text, testing::HasSubstr("  \"long\": [\n    \"fifteen letters\",\n"));
  EXPECT_EQ(parse_json(text, "f"), value);
}

}  // namespace
}  // namespace shorten
