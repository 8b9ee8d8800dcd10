// SPDX-License-Identifier: Apache-2.0
#include "data/show.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace shorten::data {
namespace {

class ShowTest : public ::testing::Test {
 protected:
  const std::unique_ptr<text::Tokenizer> tokenizer_ =
      text::open_tokenizer(test::source_dir() / "examples/novelist-14m");
};

TEST_F(ShowTest, PlaceIdLearntText) {
  // "café \n" with a masked and another label: the é is two tokens of a byte each.
  Example row{{1, 1224, 4041, 198, 172, 4025, 13, 2}, {1, 1224, kIgnored, 7, 172, 4025, 13, 2}};
  EXPECT_EQ(show(row, tokenizer_.get()),
            "8 tokens, 6 learnt\n"
            "  place       id   learnt  token\n"
            "      0        1        -  \"<s>\"\n"
            "      1     1224      yes  \" ca\"\n"
            "      2     4041        -  \"f\"\n"
            "      3      198        7  \"\uFFFD\"\n"
            "      4      172      yes  \"\uFFFD\"\n"
            "      5     4025      yes  \" \"\n"
            "      6       13      yes  \"\\x0a\"\n"
            "      7        2      yes  \"</s>\"\n");
  row.ids.resize(2);
  row.labels.resize(2);
  EXPECT_EQ(show(row, nullptr),
            "2 tokens, 1 learnt\n"
            "  place       id   learnt\n"
            "      0        1        -\n"
            "      1     1224      yes\n");
}

TEST_F(ShowTest, FitsEightyColumns) {
  Example row;
  for (TokenId id = 0; id < tokenizer_->vocabulary(); ++id) row.ids.push_back(id);
  row.labels = row.ids;
  const std::string text = show(row, tokenizer_.get());
  size_t lines = 0;
  for (size_t start = 0; start < text.size(); ++lines) {
    const size_t end = text.find('\n', start);
    EXPECT_LE(end - start, 80u) << text.substr(start, end - start);
    start = end + 1;
  }
  EXPECT_EQ(lines, row.ids.size() + 2);
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace
}  // namespace shorten::data
