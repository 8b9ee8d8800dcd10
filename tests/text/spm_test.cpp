// SPDX-License-Identifier: Apache-2.0
// tokenizer.model: behaviour beside the ids (those are in the golden cases), and damaged files.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "temp_dir.h"
#include "test_data.h"
#include "text/tokenizer.h"

namespace shorten::text {
namespace {

using test::TempDir;
using test::write;

std::unique_ptr<Tokenizer> open_model(const TempDir& dir) {
  return open_tokenizer(dir.path(), TokenizerKind::kSentencePiece);
}

TEST(SentencePiece, WrittenSpecialTokensArePlainText) {
  const auto tokenizer = open_tokenizer(test::text_golden() / "spm-bpe");
  for (const char* text : {"<s>", "a </s> b", "<unk>"}) {
    for (const TokenId id : tokenizer->encode(text)) EXPECT_GT(id, 2) << text;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text), true), text);
  }
}

TEST(SentencePiece, BosByTokenizerConfig) {
  TempDir dir;
  write(dir / "tokenizer.model", read_file(test::text_golden() / "spm-bpe/tokenizer.model"));
  const auto first = [&](const char* config) {
    write(dir / "tokenizer_config.json", config);
    const auto tokenizer = open_model(dir);
    return std::pair(tokenizer->bos(), tokenizer->encode_with_special("a").size() - tokenizer->encode("a").size());
  };
  EXPECT_EQ(first("{}"), std::pair(std::optional<TokenId>(1), size_t{1}));
  EXPECT_EQ(first(R"({"add_bos_token": false})"), std::pair(std::optional<TokenId>(1), size_t{0}));
  EXPECT_EQ(first(R"({"add_eos_token": true, "eos_token": "</s>"})"), std::pair(std::optional<TokenId>(1), size_t{2}));
  EXPECT_EQ(first(R"({"bos_token": {"content": "</s>"}})"), std::pair(std::optional<TokenId>(2), size_t{1}));
  EXPECT_EQ(first(R"({"bos_token": null})"), std::pair(std::optional<TokenId>(), size_t{0}));
}

TEST(SentencePiece, DecodesBytesAndSkipsSpecial) {
  const auto tokenizer = open_tokenizer(test::text_golden() / "spm-bpe");
  std::vector<TokenId> ids = tokenizer->encode("caf\u00e9 \U0001f600\n");
  EXPECT_EQ(tokenizer->decode(ids, true), "caf\u00e9 \U0001f600\n");
  ids.insert(ids.begin(), 1);
  EXPECT_EQ(tokenizer->decode(ids, false), "<s> caf\u00e9 \U0001f600\n");
  EXPECT_EQ(tokenizer->decode(ids, true), "caf\u00e9 \U0001f600\n");
  EXPECT_EQ(tokenizer->decode({-1, 1 << 30}, false), "");
}

// Whatever a damaged file holds, opening it and using it either works or is an Error.
void expect_no_crash(const TempDir& dir, std::string_view bytes) {
  write(dir / "tokenizer.model", bytes);
  try {
    const auto tokenizer = open_model(dir);
    tokenizer->decode(tokenizer->encode("Hello  world, \u00bd caf\u00e9 \ufb01 123 \U0001f600 <A>AB"), false);
  } catch (const Error& e) {
    EXPECT_TRUE(e.code() == ExitCode::kBadInput || e.code() == ExitCode::kUnsupported) << e.what();
  }
}

class DamagedModel : public ::testing::TestWithParam<const char*> {};

TEST_P(DamagedModel, Truncated) {
  TempDir dir;
  const std::string good = read_file(test::text_golden() / GetParam() / "tokenizer.model");
  for (size_t size = 0; size < good.size(); size += 1 + size / 50)
    expect_no_crash(dir, std::string_view(good).substr(0, size));
}

TEST_P(DamagedModel, Changed) {
  TempDir dir;
  Random random(7);
  const std::string good = read_file(test::text_golden() / GetParam() / "tokenizer.model");
  for (int i = 0; i < 400; ++i) {
    std::string bad = good;
    for (uint64_t n = 1 + random.below(4); n > 0; --n) bad[random.below(bad.size())] = static_cast<char>(random.next());
    expect_no_crash(dir, bad);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, DamagedModel, ::testing::Values("spm-bpe", "spm-bpe-unknown", "spm-unigram"));

TEST(SentencePiece, RefusesWhatIsNoModel) {
  TempDir dir;
  for (const char* bytes : {"", "garbage", "\x0a\x05hello", "{}", "IQ== zero\n"}) {
    write(dir / "tokenizer.model", bytes);
    try {
      open_model(dir);
      ADD_FAILURE() << bytes;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kBadInput);
      EXPECT_NE(e.block().find("tokenizer.model"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace shorten::text
