// SPDX-License-Identifier: Apache-2.0
// Which token begins and ends a text, by the files of a model directory; and one tokenizer for many threads.
#include <gtest/gtest.h>

#include <thread>

#include "core/file.h"
#include "temp_dir.h"
#include "test_data.h"
#include "text/tokenizer.h"

namespace shorten::text {
namespace {

using test::TempDir;
using test::write;

std::optional<TokenId> eos_of(const std::filesystem::path& tokenizer, const std::string& config) {
  TempDir dir;
  for (const auto& entry : std::filesystem::directory_iterator(tokenizer)) {
    write(dir / entry.path().filename().string(), read_file(entry.path()));
  }
  if (config.empty()) {
    std::filesystem::remove(dir / "tokenizer_config.json");
  } else {
    write(dir / "tokenizer_config.json", config);
  }
  return open_tokenizer(dir.path())->eos();
}

TEST(EndOfSequence, OfASentencePieceModel) {
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", ""), 2);
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", "{}"), 2);
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", R"({"eos_token": "<s>"})"), 1);
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", R"({"eos_token": {"content": "</s>"}})"), 2);
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", R"({"eos_token": null})"), std::nullopt);
  EXPECT_EQ(eos_of(test::text_golden() / "spm-bpe", R"({"eos_token": "not there"})"), std::nullopt);
}

TEST(EndOfSequence, OfATokenizerJson) {
  const auto file = test::text_golden() / "gpt2";
  EXPECT_EQ(eos_of(file, "{}"), std::nullopt);
  EXPECT_EQ(eos_of(file, R"({"eos_token": "<|endoftext|>"})"), open_tokenizer(file)->token_to_id("<|endoftext|>"));
  EXPECT_EQ(eos_of(file, R"({"eos_token": "not there"})"), std::nullopt);
  EXPECT_EQ(open_tokenizer(test::source_dir() / "examples/novelist-14m")->eos(), 2);
}

TEST(EndOfSequence, OfAByteLevelFamily) {
  const auto end_of_text = open_tokenizer(test::text_golden() / "gpt2-files")->token_to_id("<|endoftext|>");
  EXPECT_TRUE(end_of_text);
  EXPECT_EQ(eos_of(test::text_golden() / "gpt2-files", R"({"tokenizer_class": "GPT2Tokenizer"})"), end_of_text);
  EXPECT_EQ(eos_of(test::text_golden() / "gpt2-files", R"({"tokenizer_class": "Qwen2Tokenizer"})"), end_of_text);
  EXPECT_EQ(eos_of(test::text_golden() / "gpt2-files", R"({"tokenizer_class": "GPT2Tokenizer", "eos_token": null})"),
            std::nullopt);
}

TEST(Tokenizer, ServesManyThreads) {
  for (const char* name : {"spm-bpe", "spm-unigram", "gpt2", "llama3"}) {
    const auto tokenizer = open_tokenizer(test::text_golden() / name);
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i)
      texts.push_back("text " + std::to_string(i * 7919) + " of some words, and more words");
    std::vector<std::vector<TokenId>> expected;
    for (const std::string& text : texts) expected.push_back(tokenizer->encode(text));
    std::vector<std::vector<std::vector<TokenId>>> got(4);
    {
      std::vector<std::jthread> threads;
      for (auto& ids : got) {
        threads.emplace_back([&] {
          for (const std::string& text : texts) ids.push_back(tokenizer->encode(text));
        });
      }
    }
    for (const auto& ids : got) EXPECT_EQ(ids, expected) << name;
  }
}

}  // namespace
}  // namespace shorten::text
