// SPDX-License-Identifier: Apache-2.0
// What a stream gives, piece by piece, is the text; nothing that a later token changes is given too early.
#include "text/stream.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace shorten::text {
namespace {

const Tokenizer& novelist() {
  static const auto tokenizer = open_tokenizer(test::source_dir() / "examples/novelist-14m", TokenizerKind::kAuto);
  return *tokenizer;
}

struct Streamed {
  std::string given, text;
  bool stopped = false;
  size_t tokens = 0;
};

Streamed stream(const std::string& text, const std::vector<std::string>& stops = {}) {
  TextStream out(novelist(), stops);
  Streamed result;
  for (const TokenId id : novelist().encode(text)) {
    result.given += out.push(id);
    ++result.tokens;
    if (out.stopped()) break;
  }
  result.given += out.finish();
  result.text = out.text();
  result.stopped = out.stopped();
  return result;
}

TEST(TextStream, GivesTheWholeText) {
  for (const std::string text :
       {"The clerk opened the door.", "na\u00efve caf\u00e9 \u2014 \u65e5\u672c\u8a9e \U0001F600!", "a"}) {
    const Streamed got = stream(text);
    EXPECT_EQ(got.given, novelist().decode(novelist().encode(text), true));
    EXPECT_EQ(got.text, got.given);
    EXPECT_FALSE(got.stopped);
  }
}

TEST(TextStream, HalfACharacterWaits) {
  TextStream out(novelist(), {});
  std::string given;
  for (const TokenId id : novelist().encode("a \u65e5")) {
    given += out.push(id);
    EXPECT_EQ(given.find("\uFFFD"), std::string::npos) << given;
  }
  EXPECT_EQ(given, "a \u65e5");
}

// A byte that belongs to no character makes another text of the bytes before it, which were given already; what comes
// behind it is given all the same.
TEST(TextStream, GoesOnBehindAByteOfNoCharacter) {
  std::vector<TokenId> ids = novelist().encode("a \u65e5");
  ids.push_back(*novelist().token_to_id("<0xE6>"));
  for (const TokenId id : novelist().encode("the clerk")) ids.push_back(id);
  TextStream out(novelist(), {});
  std::string given;
  for (const TokenId id : ids) given += out.push(id);
  given += out.finish();
  EXPECT_EQ(given, "a \u65e5\uFFFD the clerk");
  EXPECT_EQ(out.text(), given);
}

TEST(TextStream, SpecialTokensAreNoText) {
  std::vector<TokenId> ids = novelist().encode("the clerk");
  ids.insert(ids.begin() + 1, *novelist().eos());
  ids.insert(ids.begin(), *novelist().bos());
  TextStream out(novelist(), {});
  std::string given;
  for (const TokenId id : ids) given += out.push(id);
  EXPECT_EQ(given + out.finish(), novelist().decode(ids, true));
}

TEST(TextStream, EndsBeforeAStopString) {
  const Streamed got = stream("The clerk opened the door. He went in.", {"zebra", "door. He"});
  EXPECT_EQ(got.given, "The clerk opened the ");
  EXPECT_EQ(got.text, got.given);
  EXPECT_TRUE(got.stopped);
}

TEST(TextStream, AStopStringWhoseCharactersAreHalvedDoesNotLeak) {
  const Streamed got = stream("a \u65e5\u672c\u8a9e", {"\u65e5\u672c"});
  EXPECT_EQ(got.given, "a ");
  EXPECT_TRUE(got.stopped);
}

TEST(TextStream, TheFirstStopCounts) { EXPECT_EQ(stream("one two three four", {"three", "two"}).given, "one "); }

TEST(TextStream, WhatOnlyLookedLikeAStopComesOut) {
  const Streamed got = stream("The clerk opened the door", {"door!", "the doors"});
  EXPECT_EQ(got.given, "The clerk opened the door");
  EXPECT_FALSE(got.stopped);
}

}  // namespace
}  // namespace shorten::text
