// SPDX-License-Identifier: Apache-2.0
#include "text/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/sha256.h"
#include "temp_dir.h"
#include "test_data.h"

namespace shorten::text {
namespace {

using test::TempDir;
using test::write;
using ::testing::HasSubstr;

class SourceTest : public ::testing::Test {
 protected:
  Source read(const std::string& name, const std::string& content) {
    return read_source(write(dir_ / name, content).string());
  }

  // The block of the bad_input error that reading gives.
  std::string error(const std::string& name, const std::string& content) {
    try {
      read(name, content);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kBadInput);
      EXPECT_THAT(e.block(), HasSubstr(name));
      return e.block();
    }
    ADD_FAILURE() << "no error for " << content;
    return "";
  }

  TempDir dir_;
};

TEST_F(SourceTest, TextIsByteForByte) {
  const std::string text("\r\na\r\n\tb \0 c\n\n", 13);
  const Source source = read("a.txt", text);
  ASSERT_EQ(source.documents.size(), 1u);
  EXPECT_EQ(source.documents[0].text, text);
  EXPECT_FALSE(source.documents[0].ready);
  EXPECT_EQ(source.documents[0].where, "");
  EXPECT_EQ(source.sha256, sha256_hex(text));
  EXPECT_EQ(read("a.raw", text).documents[0].text, text);
}

TEST_F(SourceTest, OnlyALeadingByteOrderMarkIsDropped) {
  const std::string mark = "\xEF\xBB\xBF";
  const Source source = read("a.txt", mark + "a" + mark);
  EXPECT_EQ(source.documents[0].text, "a" + mark);
  EXPECT_EQ(source.sha256, sha256_hex(mark + "a" + mark));
  EXPECT_EQ(read("b.txt", mark + mark + "a").documents[0].text, mark + "a");
  EXPECT_EQ(read("a.jsonl", mark + R"({"text": "x"})").documents[0].text, "x");
  error("c.txt", mark);
}

TEST_F(SourceTest, JsonLines) {
  const Source source = read(
      "a.jsonl",
      "{\"text\": \"one\\n\"}\r\n{\"input_ids\": [5, 0, 7], \"labels\": [1]}\n{\"text\": \"x\", \"meta\": {}}\n\n");
  ASSERT_EQ(source.documents.size(), 3u);
  EXPECT_EQ(source.documents[0].text, "one\n");
  EXPECT_EQ(source.documents[0].where, "line 1");
  EXPECT_TRUE(source.documents[1].ready);
  EXPECT_EQ(source.documents[1].ids, (std::vector<TokenId>{5, 0, 7}));
  EXPECT_EQ(source.documents[2].where, "line 3");
}

TEST_F(SourceTest, JsonLinesErrorsNameTheLine) {
  const std::string good = "{\"text\": \"a\"}\n";
  EXPECT_THAT(error("a.jsonl", good + "\n" + good), HasSubstr("line 2"));
  EXPECT_THAT(error("a.jsonl", good + "\n\n"), HasSubstr("line 2"));
  EXPECT_THAT(error("a.jsonl", good + "{\"text\""), HasSubstr("line 2"));
  EXPECT_THAT(error("a.jsonl", good + good + "{\"words\": 1}"), HasSubstr("line 3"));
  for (const char* line :
       {"[1]", "5", "{}", R"({"text": 1})", R"({"text": ""})", R"({"text": null})", R"({"input_ids": []})",
        R"({"input_ids": [-1]})", R"({"input_ids": [1.5]})", R"({"input_ids": ["1"]})",
        R"({"input_ids": [2147483648]})", R"({"input_ids": [18446744073709551615]})", R"({"input_ids": 3})"}) {
    EXPECT_THAT(error("a.jsonl", good + line), HasSubstr("line 2")) << line;
  }
  error("a.jsonl", R"({"text": "a", "text": "b"})");
}

TEST_F(SourceTest, JsonArray) {
  const Source source = read("a.json", R"([{"text": "a"}, {"input_ids": [3]}])");
  ASSERT_EQ(source.documents.size(), 2u);
  EXPECT_EQ(source.documents[1].where, "entry 1");
  error("b.json", "[]");
  error("b.json", R"({"text": "a"})");
  EXPECT_THAT(error("b.json", R"([{"text": "a"}, {}])"), HasSubstr("entry 1"));
}

TEST_F(SourceTest, BadFiles) {
  error("a.txt", "");
  error("a.jsonl", "");
  error("a.jsonl", "\n");
  EXPECT_THAT(error("a.txt", "one\ntwo \xff"), HasSubstr("line 2"));
  EXPECT_THAT(error("a.txt", "\xed\xa0\x80"), HasSubstr("UTF-8"));
  EXPECT_THAT(error("a.parquet", "x"), HasSubstr(".jsonl"));
  EXPECT_THROW(read_source((dir_ / "none.txt").string()), Error);
  EXPECT_THROW(read_source(""), Error);
}

TEST_F(SourceTest, FolderByName) {
  write(dir_ / "f/b.txt", "second");
  write(dir_ / "f/a.jsonl", "{\"text\": \"first\"}\n");
  write(dir_ / "f/README.md", "not text to learn from");
  const Source source = read_source((dir_ / "f").string());
  ASSERT_EQ(source.documents.size(), 2u);
  EXPECT_EQ(source.documents[0].text, "first");
  EXPECT_EQ(source.documents[1].file.filename(), "b.txt");
  EXPECT_EQ(source.sha256,
            sha256_hex(sha256_hex("{\"text\": \"first\"}\n") + "  a.jsonl\n" + sha256_hex("second") + "  b.txt\n"));
  std::filesystem::create_directory(dir_ / "empty");
  EXPECT_THROW(read_source((dir_ / "empty").string()), Error);
}

TEST(Bos, Names) {
  for (const Bos bos : {Bos::kDocument, Bos::kEvery, Bos::kNone}) EXPECT_EQ(parse_bos(bos_name(bos)), bos);
  try {
    parse_bos("always");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
  }
}

TEST(Tokenize, BosAndRange) {
  const auto tokenizer = open_tokenizer(test::source_dir() / "tests/text/golden/llama2");
  std::vector<Document> documents(2);
  documents[0].text = "the";
  documents[1].ready = true;
  documents[1].ids = {9, 8};
  const auto plain = tokenizer->encode("the");
  auto with_bos = plain;
  with_bos.insert(with_bos.begin(), 1);
  const int64_t size = tokenizer->vocabulary();
  EXPECT_EQ(tokenize(documents, tokenizer.get(), Bos::kDocument, size)[0], with_bos);
  EXPECT_EQ(tokenize(documents, tokenizer.get(), Bos::kEvery, size)[0], plain);
  EXPECT_EQ(tokenize(documents, tokenizer.get(), Bos::kNone, size)[1], (std::vector<TokenId>{9, 8}));
  EXPECT_THROW(tokenize(documents, tokenizer.get(), Bos::kNone, 9), Error);
  EXPECT_THROW(tokenize(documents, nullptr, Bos::kNone, size), Error);
  documents.erase(documents.begin());
  EXPECT_EQ(tokenize(documents, nullptr, Bos::kDocument, size).size(), 1u);
}

}  // namespace
}  // namespace shorten::text
