// SPDX-License-Identifier: Apache-2.0
// Training files: recognised, read, refused.
#include "data/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/sha256.h"
#include "data/ids.h"
#include "temp_dir.h"
#include "test_data.h"

namespace shorten::data {
namespace {

using test::TempDir;
using test::write;
using ::testing::HasSubstr;
class ReadTest : public ::testing::Test {
 protected:
  static const text::Tokenizer& tokenizer() {
    static const auto it = text::open_tokenizer(test::source_dir() / "examples/novelist-14m");
    return *it;
  }

  Dataset read(const std::string& name, const std::string& content) {
    return read_dataset(write(dir_ / name, content).string(), &tokenizer(), options_);
  }

  // The error that reading gives, as it is shown.
  std::string error(const std::string& name, const std::string& content, ExitCode code = ExitCode::kBadInput) {
    try {
      read(name, content);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.block();
      EXPECT_THAT(e.block(), HasSubstr(name));
      return e.block();
    }
    ADD_FAILURE() << "no error for " << content;
    return "";
  }

  ReadOptions options_{.length = 256, .train_on_prompt = false, .vocabulary = 4096, .model = {}};
  TempDir dir_;
};

TEST_F(ReadTest, Alpaca) {
  const std::string entry = R"({"instruction": "Name a river.", "input": "", "output": "The Elbe.", "text": "x"})";
  const Dataset data = read("a.json", "[" + entry + "]");
  EXPECT_EQ(data.kind, Kind::kAlpaca);
  EXPECT_EQ(data.sha256, sha256_hex("[" + entry + "]"));
  ASSERT_EQ(data.examples.size(), 1u);
  // 62 tokens of prompt, alone and in front of the answer: counted with the reference tokenizer.
  const Example& row = data.examples[0];
  ASSERT_EQ(row.ids.size(), 67u);
  EXPECT_EQ(Ids(row.ids.begin() + 58, row.ids.end()), (Ids{280, 321, 4079, 13, 1099, 2371, 1036, 4047, 2}));
  EXPECT_EQ(Ids(row.labels.begin() + 58, row.labels.end()), (Ids{X, X, X, X, 1099, 2371, 1036, 4047, 2}));
  EXPECT_EQ(count_targets(row), 5);
  EXPECT_EQ(row.ids[0], 1);

  const Dataset lines = read("a.jsonl", entry + "\n" + R"({"instruction": "Name a river.", "output": "The Elbe."})" +
                                            "\n" + R"({"instruction": "Name a", "input": "river", "output": "E"})");
  ASSERT_EQ(lines.examples.size(), 3u);
  EXPECT_EQ(lines.examples[0].ids, row.ids);
  EXPECT_EQ(lines.examples[1].ids, row.ids);
  EXPECT_EQ(lines.examples[2].ids, tokenizer().encode_with_special(alpaca_prompt("Name a", "river") + "E</s>"));
}

TEST_F(ReadTest, CutAndDropped) {
  const std::string entry = R"({"prompt": "Q: yes or no? A:", "completion": " yes no yes"})";
  options_.length = 11;
  const Dataset data = read("a.jsonl", entry + "\n" + R"({"prompt": "to", "completion": "gether"})");
  EXPECT_EQ(data.kind, Kind::kCompletion);
  EXPECT_EQ(data.truncated, 1);
  EXPECT_EQ(data.examples[0].ids, (Ids{1, 1869, 4079, 1912, 428, 449, 4063, 357, 4079, 1912, 449}));
  EXPECT_EQ(data.dropped, 0);
  options_.length = 9;
  const Dataset dropped = read("a.jsonl", entry + "\n" + R"({"prompt": "to", "completion": "gether"})");
  EXPECT_EQ(dropped.truncated, 1);
  EXPECT_EQ(dropped.dropped, 1);
  EXPECT_EQ(dropped.examples.size(), 1u);
  EXPECT_THAT(error("a.jsonl", entry), HasSubstr("all tokens are masked"));
  options_.train_on_prompt = true;
  EXPECT_EQ(count_targets(read("a.jsonl", entry).examples.at(0)), 8);
}

TEST_F(ReadTest, Text) {
  options_.length = 4;
  const Dataset whole = read("a.txt", "\xEF\xBB\xBFThe man said no.");
  EXPECT_EQ(whole.kind, Kind::kText);
  ASSERT_EQ(whole.examples.size(), 2u);
  EXPECT_EQ(whole.examples[1].ids, (Ids{449, 4047, 2}));
  options_.length = 6;
  const Dataset lines = read("a.jsonl", "{\"text\": \"The man said no.\"}\n{\"text\": \"ab\"}\n");
  ASSERT_EQ(lines.examples.size(), 2u);
  EXPECT_EQ(lines.examples[0].ids, (Ids{1, 365, 439, 400, 449, 4047}));
  EXPECT_EQ(lines.examples[1].ids, (Ids{1, 469, 2}));
  EXPECT_EQ(lines.dropped, 1);  // EOS of the first, alone
  EXPECT_EQ(lines.truncated, 0);
}

TEST_F(ReadTest, Ready) {
  options_.length = 3;
  const std::string rows =
      "{\"input_ids\": [5, 6, 4095], \"labels\": [-100, 6, 0]}\n{\"input_ids\": [7, 8], \"text\": \"x\"}\n"
      "{\"input_ids\": [7, 8], \"labels\": [7, -100]}\n{\"input_ids\": [1]}\n";
  const Dataset data = read("a.jsonl", rows);
  EXPECT_EQ(data.kind, Kind::kReady);
  ASSERT_EQ(data.examples.size(), 2u);
  EXPECT_EQ(data.examples[0].labels, (Ids{X, 6, 0}));
  EXPECT_EQ(data.examples[1].labels, (Ids{7, 8}));
  EXPECT_EQ(data.dropped, 2);
  EXPECT_EQ(read_dataset((dir_ / "a.jsonl").string(), nullptr, options_).examples.size(), 2u);
  EXPECT_TRUE(is_ready((dir_ / "a.jsonl").string()));
  write(dir_ / "b.json", R"([{"text": "a"}])");
  write(dir_ / "c.txt", "a");
  EXPECT_FALSE(is_ready((dir_ / "b.json").string()));
  EXPECT_FALSE(is_ready((dir_ / "c.txt").string()));
  EXPECT_TRUE(is_ready(dir_.path().string()));
  EXPECT_THROW(read_dataset((dir_ / "c.txt").string(), nullptr, options_), Error);
}

TEST_F(ReadTest, ReadyRowsThatAreWrong) {
  options_.length = 3;
  const std::string good = "{\"input_ids\": [5, 6]}\n";
  for (const char* row : {
           R"({"input_ids": []})",
           R"({"input_ids": [4096]})",
           R"({"input_ids": [-1, 3]})",
           R"({"input_ids": [-100, 3]})",
           R"({"input_ids": [1.0, 3]})",
           R"({"input_ids": ["1", 3]})",
           R"({"input_ids": [18446744073709551615, 3]})",
           R"({"input_ids": 3})",
           R"({"input_ids": null})",
           R"({"input_ids": [1, 2, 3, 4]})",
           R"({"input_ids": [1, 2], "labels": [1]})",
           R"({"input_ids": [1, 2], "labels": [1, 2, 3]})",
           R"({"input_ids": [1, 2], "labels": [1, -1]})",
           R"({"input_ids": [1, 2], "labels": [1, 4096]})",
           R"({"input_ids": [1, 2], "labels": [1, null]})",
           R"({"input_ids": [1, 2], "labels": "no"})",
           R"([1, 2])",
           R"({"text": "The man"})",
           R"({})",
       }) {
    EXPECT_THAT(error("a.jsonl", good + row), HasSubstr("line 2")) << row;
  }
  EXPECT_THAT(error("a.jsonl", good + R"({"input_ids": [1, 2, 3, 4]})"),
              testing::AllOf(HasSubstr("at most 3"), HasSubstr("found     4")));
  EXPECT_THAT(error("b.jsonl", R"({"input_ids": [1, 2], "labels": [1, -100]})"), HasSubstr("all tokens are masked"));
}

class MessagesTest : public ReadTest {
 protected:
  MessagesTest() {
    options_.model = dir_ / "model";
    write(
        options_.model / "tokenizer_config.json",
        R"({"chat_template": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"})");
  }
};

TEST_F(MessagesTest, BothSpellings) {
  const std::string usual =
      R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]})";
  const std::string share_gpt =
      R"({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]})";
  const Dataset data =
      read("a.jsonl", usual + "\n" + share_gpt + "\n" + R"({"messages": [{"role": "user", "content": "Hi"}]})");
  EXPECT_EQ(data.kind, Kind::kMessages);
  ASSERT_EQ(data.examples.size(), 2u);
  EXPECT_EQ(data.dropped, 1);  // nobody answers
  const Ids ids = tokenizer().encode("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes<|im_end|>\n");
  ASSERT_EQ(ids.size(), 43u);
  Ids labels(ids.size(), X);
  for (size_t p = 34; p < 42; ++p) labels[p] = ids[p];  // "Yes" and the seven of "<|im_end|>"
  EXPECT_EQ(data.examples[0].ids, ids);
  EXPECT_EQ(data.examples[0].labels, labels);
  EXPECT_EQ(data.examples[1].ids, ids);
  EXPECT_EQ(data.examples[1].labels, labels);
}

TEST_F(MessagesTest, Refused) {
  const std::string good =
      R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]})"
      "\n";
  for (const char* row : {
           R"({"messages": []})",
           R"({"messages": "Hi"})",
           R"({"messages": ["Hi"]})",
           R"({"messages": [{"role": "tool", "content": "Hi"}]})",
           R"({"messages": [{"role": "user", "content": null}]})",
           R"({"messages": [{"role": "user", "content": [{"type": "text"}]}]})",
           R"({"messages": [{"role": "user"}]})",
           R"({"messages": [{"from": "human", "value": "Hi"}]})",
           R"({"messages": [{"role": "system", "content": "Hi"}]})",
           R"({"conversations": [{"from": "human"}]})",
       }) {
    EXPECT_THAT(error("a.jsonl", good + row), HasSubstr("line 2")) << row;
  }
  EXPECT_THAT(error("a.jsonl", good + R"({"messages": [{"role": "user", "content": "a"}, {"role": "tool"}]})"),
              HasSubstr("line 2, messages[1]"));
  write(options_.model / "tokenizer_config.json", R"({"chat_template": "{{ messages }}"})");
  try {
    read("a.jsonl", good);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUnsupported);
    EXPECT_THAT(e.file(), HasSubstr("tokenizer_config.json"));
  }
}

TEST_F(ReadTest, KindsAreNotMixed) {
  const std::string good = R"({"prompt": "to", "completion": "gether"})"
                           "\n";
  const std::string other = error("a.jsonl", good + R"({"prompt": "to", "answer": "gether"})");
  EXPECT_THAT(other, HasSubstr("line 2"));
  EXPECT_THAT(other, HasSubstr("\"prompt\" and \"completion\", as in"));
  EXPECT_THAT(other, HasSubstr("the keys \"prompt\", \"answer\""));
  EXPECT_THAT(error("a.jsonl", good + R"({"text": "to"})"), HasSubstr("another kind"));
  const std::string unknown = error("b.jsonl", R"({"question": 1, "answer": 2})");
  EXPECT_THAT(unknown, HasSubstr("line 1"));
  EXPECT_THAT(unknown, HasSubstr("\"instruction\" and \"output\""));
  EXPECT_THAT(unknown, HasSubstr("the keys \"question\", \"answer\""));
  EXPECT_THAT(error("b.json", "[{}]"), HasSubstr("no keys"));
}

TEST_F(ReadTest, Folders) {
  write(dir_ / "f/b.txt", "The man said no.");
  write(dir_ / "f/a.jsonl", "{\"text\": \"ab\"}\n");
  write(dir_ / "f/README.md", "passed over");
  const Dataset data = read_dataset((dir_ / "f").string(), &tokenizer(), options_);
  ASSERT_EQ(data.examples.size(), 2u);
  EXPECT_EQ(data.examples[0].ids, (Ids{1, 469, 2}));
  EXPECT_EQ(data.sha256, sha256_hex(sha256_hex("{\"text\": \"ab\"}\n") + "  a.jsonl\n" +
                                    sha256_hex("The man said no.") + "  b.txt\n"));
  write(dir_ / "f/c.jsonl", R"({"input_ids": [1, 2]})");
  EXPECT_THROW(read_dataset((dir_ / "f").string(), &tokenizer(), options_), Error);
}

TEST_F(ReadTest, BadFiles) {
  error("a.txt", "");
  error("a.jsonl", "");
  error("a.json", "[]");
  error("a.json", "{}");
  error("a.json", "[1]");
  error("a.csv", "x");
  EXPECT_THAT(error("a.txt", "one\ntwo \xff"), HasSubstr("line 2"));
  const std::string good = R"({"instruction": "a", "output": "b"})"
                           "\n";
  for (const char* row : {"", "{", R"({"instruction": "a", "output": null})", R"({"instruction": 1, "output": "b"})",
                          R"({"instruction": "a", "output": "b", "input": 3})",
                          R"({"instruction": "a", "output": "b", "output": "c"})"}) {
    EXPECT_THAT(error("a.jsonl", good + row + "\n" + good), HasSubstr("line 2")) << row;
  }
  EXPECT_THROW(read_dataset((dir_ / "none.json").string(), &tokenizer(), options_), Error);
  options_.vocabulary = 400;  // of a smaller model: "The man" is 365, 439
  const std::string text = error("a.txt", "The man");
  EXPECT_THAT(text, HasSubstr("found     439"));
  EXPECT_THAT(text, HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace shorten::data
