// SPDX-License-Identifier: Apache-2.0
// Small things that work on text and bits: UTF-8, what is shown of foreign bytes, SHA-256, random numbers.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/sha256.h"
#include "core/utf8.h"

namespace shorten {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, AcceptsTheBordersOfEveryLength) {
  for (const char32_t c : {U'\x00', U'\x7F', U'\x80', U'\u07FF', U'\u0800', U'\uD7FF', U'\uE000', U'\uFFFF',
                           U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    utf8_append(text, c);
    EXPECT_EQ(utf8_sequence_length(text, 0), text.size()) << static_cast<uint32_t>(c);
    EXPECT_EQ(utf8_decode(text, 0, text.size()), c);
    EXPECT_EQ(find_invalid_utf8(text), std::string_view::npos);
  }
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
  for (const std::string_view text : {
           "\x80"sv,              // a tail without a head
           "\xC0\x80"sv,          // NUL, overlong
           "\xC1\xBF"sv,          // overlong
           "\xE0\x9F\xBF"sv,      // overlong
           "\xED\xA0\x80"sv,      // a surrogate
           "\xF0\x8F\xBF\xBF"sv,  // overlong
           "\xF4\x90\x80\x80"sv,  // above U+10FFFF
           "\xF5\x80\x80\x80"sv,  //
           "\xE2\x82"sv,          // cut off
           "\xC3"sv,              //
           "\xC3("sv,             // no tail
       }) {
    EXPECT_EQ(utf8_sequence_length(text, 0), 0u) << printable(text);
  }
}

TEST(Utf8, FindsTheFirstBadByte) {
  EXPECT_EQ(find_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8("ab\xC3\xA9\xFFz\xFF"), 4u);
}

TEST(Printable, EscapesWhatMovesACursor) {
  EXPECT_EQ(printable("h\xC3\xA9llo"), "h\xC3\xA9llo");
  EXPECT_EQ(printable("\x1B[2J\n\x7F"), "\\x1b[2J\\x0a\\x7f");
  EXPECT_EQ(printable("\xC2\x9B!"), "\\xc2\\x9b!");  // CSI as one C1 control character
  EXPECT_EQ(printable("a\xFF"), "a\\xff");
}

TEST(Printable, EndsAtTheLimit) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("ab\xC3\xA9z", 3), "ab\xC3\xA9...");  // a character is not cut in two
}

TEST(Sha256, OfTheExamplesOfFips180) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 parts;
  parts.update("a");
  parts.update("bc");
  EXPECT_EQ(parts.hex(), sha256_hex("abc"));
}

// The numbers come from a few lines of Python with integers of any size, written from the paper.
TEST(Random, IsSplitMix64) {
  Random random(1234);
  EXPECT_EQ(random.next(), 13478418381427711195u);
  EXPECT_EQ(random.next(), 10936887474700444964u);
  EXPECT_EQ(random.next(), 3728693401281897946u);
  EXPECT_EQ(random.next(), 5648149391703318579u);
}

TEST(Random, BelowAndUniformUseOneDraw) {
  Random below(1234);
  EXPECT_EQ(below.below(10), 5u);
  EXPECT_EQ(below.below(10), 4u);
  EXPECT_EQ(below.below(1), 0u);
  Random uniform(1234);
  EXPECT_EQ(uniform.uniform(), 0.730666524540624);
  EXPECT_EQ(uniform.uniform(), 0.5928898580149862);
}

}  // namespace
}  // namespace shorten
