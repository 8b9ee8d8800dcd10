// SPDX-License-Identifier: Apache-2.0
// Texts and the ids that a reference implementation gives for them: golden files of this repository
// (made by make_golden.py), and a file named by SHORTEN_TOKENIZER_CASES (made by
// tests/interop/check_tokenizers.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/json.h"
#include "test_data.h"
#include "text/tokenizer.h"

namespace shorten::text {
namespace {

TokenizerKind parse_kind(const std::string& name) {
  return name == "json"            ? TokenizerKind::kJson
         : name == "sentencepiece" ? TokenizerKind::kSentencePiece
                                   : TokenizerKind::kAuto;
}

// Where two sequences part, with what is around it.
std::string difference(const std::vector<TokenId>& got, const std::vector<TokenId>& expected) {
  size_t at = 0;
  while (at < got.size() && at < expected.size() && got[at] == expected[at]) ++at;
  std::string out = fmt::format("lengths {} and {}, first difference at {}:", got.size(), expected.size(), at);
  for (const auto* ids : {&got, &expected}) {
    const auto from = ids->begin() + static_cast<std::ptrdiff_t>(at < 3 ? 0 : at - 3);
    const auto to = ids->begin() + static_cast<std::ptrdiff_t>(std::min(ids->size(), at + 5));
    out += fmt::format(" {} {}", ids == &got ? "got" : "expected", fmt::join(from, to, " "));
  }
  return out;
}

// One file: {"sets": [{"model": DIR, "kind": "auto", "vocabulary": N, "bos": 1,
//   "cases": [{"text": "...", "ids": [..], "with_special": [..], "decoded": "...", "decoded_plain": "..."}]}]}
void check_cases(const std::filesystem::path& file) {
  const Json json = read_json(file, uint64_t{1} << 30);
  size_t count = 0;
  for (const Json& set : json.at("sets")) {
    const std::filesystem::path model = file.parent_path() / set.at("model").get<std::string>();
    SCOPED_TRACE(model.string());
    const auto tokenizer = open_tokenizer(model, parse_kind(set.value("kind", "auto")));
    if (set.contains("vocabulary")) {
      EXPECT_EQ(tokenizer->vocabulary(), set.at("vocabulary").get<int64_t>());
    }
    if (set.contains("bos")) {
      EXPECT_EQ(tokenizer->bos(), set.at("bos").is_null() ? std::nullopt : std::optional(set.at("bos").get<TokenId>()));
    }
    for (const Json& c : set.at("cases")) {
      const auto text = c.at("text").get<std::string>();
      const auto expected = c.at("ids").get<std::vector<TokenId>>();
      const auto got = tokenizer->encode(text);
      const std::string shown = Json(text.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
      EXPECT_TRUE(got == expected) << shown << ": " << difference(got, expected);
      if (c.contains("with_special")) {
        EXPECT_EQ(tokenizer->encode_with_special(text), c.at("with_special").get<std::vector<TokenId>>()) << shown;
      }
      if (c.contains("decoded")) {
        EXPECT_EQ(tokenizer->decode(expected, true), c.at("decoded").get<std::string>());
      }
      if (c.contains("decoded_plain")) {
        EXPECT_EQ(tokenizer->decode(expected, false), c.at("decoded_plain").get<std::string>());
      }
      ++count;
    }
  }
  EXPECT_GT(count, 0u);
  ::testing::Test::RecordProperty("cases", static_cast<int>(count));
}

TEST(Cases, Golden) { check_cases(test::source_dir() / "tests/text/golden/cases.json"); }

TEST(Cases, FromEnvironment) {
  const char* file = std::getenv("SHORTEN_TOKENIZER_CASES");
  if (!file) GTEST_SKIP() << "SHORTEN_TOKENIZER_CASES is not set";
  check_cases(file);
}

}  // namespace
}  // namespace shorten::text
