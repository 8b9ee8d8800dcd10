// SPDX-License-Identifier: Apache-2.0
// Real tokenizers against published test vectors (those of llama.cpp).
#include <gtest/gtest.h>

#include <sstream>

#include "core/file.h"
#include "temp_dir.h"
#include "test_data.h"
#include "text/tokenizer.h"

namespace shorten::text {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> out;
  size_t start = 0;
  for (size_t at; (at = text.find(separator, start)) != std::string::npos; start = at + separator.size()) {
    out.push_back(text.substr(start, at - start));
  }
  out.push_back(text.substr(start));
  return out;
}

void check_vectors(const Tokenizer& tokenizer, const std::string& name) {
  const fs::path file = fs::path(test::extra_data()) / "tokenizers/vectors" / name;
  const auto texts = split(read_file(fs::path(file) += ".inp"), "\n__ggml_vocab_test__\n");
  const auto lines = split(read_file(fs::path(file) += ".out"), "\n");
  ASSERT_GT(texts.size(), 40u);
  ASSERT_GE(lines.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    std::istringstream stream(lines[i]);
    std::vector<TokenId> expected;
    for (TokenId id; stream >> id;) expected.push_back(id);
    EXPECT_EQ(tokenizer.encode(texts[i]), expected) << texts[i];
  }
}

fs::path tokenizers() { return fs::path(test::extra_data()) / "tokenizers"; }

TEST(Vectors, Llama2TokenizerJson) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const auto tokenizer = open_tokenizer(tokenizers() / "llama2", TokenizerKind::kJson);
  check_vectors(*tokenizer, "llama-spm");
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->vocabulary(), 32000);
}

TEST(Vectors, Llama2SentencePiece) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const auto tokenizer = open_tokenizer(tokenizers() / "llama2", TokenizerKind::kSentencePiece);
  check_vectors(*tokenizer, "llama-spm");
  EXPECT_EQ(tokenizer->bos(), 1);
}

TEST(Vectors, Llama3Tiktoken) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const auto tokenizer = open_tokenizer(tokenizers() / "llama3");
  check_vectors(*tokenizer, "llama-bpe");
  EXPECT_EQ(tokenizer->bos(), 128000);
  EXPECT_EQ(tokenizer->vocabulary(), 128256);
  EXPECT_EQ(tokenizer->encode_with_special("<|eot_id|>"), (std::vector<TokenId>{128000, 128009}));
}

TEST(Vectors, Gpt2Files) {
  SHORTEN_NEEDS_EXTRA_DATA();
  test::TempDir dir;
  for (const char* name : {"vocab.json", "merges.txt"}) fs::copy_file(tokenizers() / "gpt2" / name, dir / name);
  test::write(dir / "tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  const auto tokenizer = open_tokenizer(dir.path());
  check_vectors(*tokenizer, "gpt-2");
  EXPECT_EQ(tokenizer->encode("<|endoftext|>"), (std::vector<TokenId>{50256}));
  EXPECT_EQ(tokenizer->bos(), 50256);
}

TEST(Vectors, Qwen2Files) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const auto tokenizer = open_tokenizer(tokenizers() / "qwen2");
  check_vectors(*tokenizer, "qwen2");
  EXPECT_EQ(tokenizer->encode_with_special("<|im_start|>"), (std::vector<TokenId>{151644}));
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
}

}  // namespace
}  // namespace shorten::text
