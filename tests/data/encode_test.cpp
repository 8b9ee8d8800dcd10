// SPDX-License-Identifier: Apache-2.0
// Text → rows. The ids are those of the reference tokenizer (tokenizers) for the example model.
#include "data/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/ids.h"
#include "test_data.h"

namespace shorten::data {
namespace {

class EncodeTest : public ::testing::Test {
 protected:
  static const text::Tokenizer& tokenizer() {
    static const auto it = text::open_tokenizer(test::source_dir() / "examples/novelist-14m");
    return *it;
  }
  static Encoding how(size_t length, bool train_on_prompt = false) { return {tokenizer(), length, train_on_prompt}; }
};

TEST_F(EncodeTest, AnswerBehindItsMaskedPrompt) {
  const Encoded all = encode_answer(how(32), "Q: yes or no? A:", " yes");
  EXPECT_EQ(all.row.ids, (Ids{1, 1869, 4079, 1912, 428, 449, 4063, 357, 4079, 1912, 2}));
  EXPECT_EQ(all.row.labels, (Ids{X, X, X, X, X, X, X, X, X, 1912, 2}));
  EXPECT_FALSE(all.truncated);
  EXPECT_EQ(count_targets(all.row), 2);
  EXPECT_EQ(encode_answer(how(32, true), "Q: yes or no? A:", " yes").row.labels, all.row.ids);
}

TEST_F(EncodeTest, EosOnlyWhereThereIsRoom) {
  const Encoded eleven = encode_answer(how(11), "Q: yes or no? A:", " yes");
  EXPECT_EQ(eleven.row.ids.size(), 11u);
  EXPECT_EQ(eleven.row.ids.back(), 2);
  const Encoded ten = encode_answer(how(10), "Q: yes or no? A:", " yes");
  EXPECT_EQ(ten.row.ids.size(), 10u);
  EXPECT_EQ(ten.row.ids.back(), 1912);
  EXPECT_FALSE(ten.truncated);
  const Encoded nine = encode_answer(how(9), "Q: yes or no? A:", " yes");
  EXPECT_TRUE(nine.truncated);
  EXPECT_EQ(count_targets(nine.row), 0);
  // A text that ends with EOS gets no second one.
  EXPECT_EQ(encode_answer(how(32), "Q: yes or no? A:", " yes</s>").row.ids,
            (Ids{1, 1869, 4079, 1912, 428, 449, 4063, 357, 4079, 1912, 2}));
}

// The masked tokens are as many as the prompt has alone, though "to" + "gether" is one token.
TEST_F(EncodeTest, PromptIsCountedAlone) {
  EXPECT_EQ(encode_answer(how(8), "to", "gether").row.ids, (Ids{1, 1215, 2}));
  EXPECT_EQ(encode_answer(how(8), "to", "gether").row.labels, (Ids{X, X, 2}));
  EXPECT_EQ(encode_answer(how(8), "the mor", "ning came").row.ids, (Ids{1, 263, 1166, 696, 2}));
  EXPECT_EQ(encode_answer(how(8), "the mor", "ning came").row.labels, (Ids{X, X, X, 696, 2}));
}

TEST_F(EncodeTest, ConversationIsEncodedAtOnce) {
  const std::vector<Segment> segments{
      {"<s>[INST] Hi [/INST]", false}, {" Yes </s>", true}, {"<s>[INST] And? [/INST]", false}, {" No </s>", true}};
  const Ids ids{1, 4025, 94, 2563, 4057, 4054, 96, 367, 4031, 4025, 94, 50, 2563, 4057, 4054, 96, 2703, 4025, 2,
                1, 4025, 94, 2563, 4057, 4054, 96, 573, 4063, 4025, 94, 50, 2563, 4057, 4054, 96, 1416, 4025, 2};
  Ids labels(ids.size(), X);
  for (const size_t p : {16, 17, 18, 35, 36, 37}) labels[p] = ids[p];
  const Encoded all = encode_conversation(how(64), segments);
  EXPECT_EQ(all.row.ids, ids);  // with the BOS that the text has, and no other
  EXPECT_EQ(all.row.labels, labels);
  EXPECT_FALSE(all.truncated);
  EXPECT_EQ(encode_conversation(how(64, true), segments).row.labels, ids);
  // Cut in the middle of an answer, and before the second.
  for (const size_t length : {18u, 30u, 36u}) {
    const Encoded cut = encode_conversation(how(length), segments);
    EXPECT_EQ(cut.row.ids, Ids(ids.begin(), ids.begin() + static_cast<long>(length)));
    EXPECT_EQ(cut.row.labels, Ids(labels.begin(), labels.begin() + static_cast<long>(length)));
    EXPECT_TRUE(cut.truncated);
  }
}

TEST_F(EncodeTest, TextIsCutIntoRows) {
  const auto rows = encode_text(how(4), "The man said no.");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].ids, (Ids{1, 365, 439, 400}));
  EXPECT_EQ(rows[1].ids, (Ids{449, 4047, 2}));
  EXPECT_EQ(rows[1].labels, rows[1].ids);
  EXPECT_EQ(encode_text(how(7), "The man said no.").size(), 1u);
}

}  // namespace
}  // namespace shorten::data
