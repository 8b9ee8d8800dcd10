// SPDX-License-Identifier: Apache-2.0
#include "text/windows.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "core/random.h"
#include "core/sha256.h"

namespace shorten::text {
namespace {

using Ids = std::vector<TokenId>;

// A token a byte.
class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(std::optional<TokenId> bos = 256) { bos_ = bos; }
  Ids encode(std::string_view text) const override { return Ids(text.begin(), text.end()); }
  Ids encode_with_special(std::string_view text) const override { return encode(text); }
  std::string decode(const Ids& ids, bool) const override { return std::string(ids.begin(), ids.end()); }
  int64_t vocabulary() const override { return 257; }
  std::optional<TokenId> token_to_id(std::string_view) const override { return std::nullopt; }
};

constexpr int64_t kVocabulary = 257;

Document text(const std::string& content) {
  Document d;
  d.text = content;
  return d;
}

Document ready(const Ids& ids) {
  Document d;
  d.ready = true;
  d.ids = ids;
  return d;
}

Ids ids_of(std::string_view text, bool bos = false) {
  Ids out(text.begin(), text.end());
  if (bos) out.insert(out.begin(), 256);
  return out;
}

std::string numbered(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>('!' + i % 90);
  return out;
}

TEST(SampleWindows, FollowsTheStatedRule) {
  const ByteTokenizer tokenizer;
  const std::vector<Document> documents{text(numbered(50)), text("ab"), text(numbered(23))};
  const auto rows =
      sample_windows(documents, &tokenizer, {.samples = 4, .length = 8, .bos = Bos::kNone, .seed = 5}, kVocabulary);

  Random random(5);
  std::vector<Ids> all;
  for (const size_t d : {0u, 2u}) {
    const Ids ids = ids_of(documents[d].text);
    for (size_t at = random.below(ids.size() % 8 + 1); at + 8 <= ids.size(); at += 8) {
      all.emplace_back(ids.begin() + static_cast<int64_t>(at), ids.begin() + static_cast<int64_t>(at) + 8);
    }
  }
  std::vector<size_t> order(all.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = 0; i < 4; ++i) std::swap(order[i], order[i + random.below(order.size() - i)]);
  const std::set<size_t> chosen(order.begin(), order.begin() + 4);
  std::vector<Ids> expected;
  for (const size_t i : chosen) expected.push_back(all[i]);
  EXPECT_EQ(rows, expected);
}

TEST(SampleWindows, BosOfADocumentOnlyAtItsBeginning) {
  const ByteTokenizer tokenizer;
  bool with = false, without = false;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto rows = sample_windows({text(numbered(10))}, &tokenizer,
                                     {.samples = 1, .length = 8, .bos = Bos::kDocument, .seed = seed}, kVocabulary);
    const bool first = rows[0][0] == 256;
    (first ? with : without) = true;
    if (first) {
      EXPECT_EQ(rows[0], ids_of(numbered(7), true));
    }
    for (size_t i = 1; i < 8; ++i) EXPECT_LT(rows[0][i], 256);
  }
  EXPECT_TRUE(with && without);
}

TEST(SampleWindows, BosInEveryRow) {
  const ByteTokenizer tokenizer;
  const auto rows = sample_windows({text(numbered(14)), ready({7, 7, 7, 7, 7, 7, 7, 7})}, &tokenizer,
                                   {.samples = 3, .length = 8, .bos = Bos::kEvery, .seed = 1}, kVocabulary);
  EXPECT_EQ(rows[0], ids_of(numbered(7), true));
  EXPECT_EQ(rows[1], ids_of(numbered(14).substr(7), true));
  EXPECT_EQ(rows[2], Ids(8, 7));
}

TEST(SampleWindows, ReadyRowsNeedNoTokenizer) {
  const auto rows = sample_windows({ready({1, 2}), ready({3, 4})}, nullptr, {.samples = 2, .length = 2}, kVocabulary);
  EXPECT_EQ(rows, (std::vector<Ids>{{1, 2}, {3, 4}}));
}

TEST(SampleWindows, Errors) {
  const ByteTokenizer tokenizer, no_bos(std::nullopt);
  const auto code = [&](const Tokenizer* t, const SampleOptions& options) {
    try {
      sample_windows({text(numbered(40))}, t, options, kVocabulary);
    } catch (const Error& e) {
      return e.code();
    }
    return ExitCode::kDone;
  };
  EXPECT_EQ(code(&tokenizer, {.samples = 6, .length = 8}), ExitCode::kBadInput);
  EXPECT_EQ(code(&tokenizer, {.samples = 1, .length = 80}), ExitCode::kBadInput);
  EXPECT_EQ(code(&tokenizer, {.samples = 0, .length = 8}), ExitCode::kUsage);
  EXPECT_EQ(code(&tokenizer, {.samples = 1, .length = 0}), ExitCode::kUsage);
  EXPECT_EQ(code(&no_bos, {.samples = 1, .length = 8, .bos = Bos::kEvery}), ExitCode::kUsage);
  EXPECT_EQ(code(&no_bos, {.samples = 1, .length = 8, .bos = Bos::kDocument}), ExitCode::kDone);
}

TEST(PerplexityWindows, DropsWhatIsLeft) {
  const ByteTokenizer tokenizer;
  int64_t stream = 0;
  const auto windows = perplexity_windows({text(numbered(19))}, &tokenizer, 8, 8, Bos::kDocument, kVocabulary, stream);
  EXPECT_EQ(stream, 20);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].ids, ids_of(numbered(7), true));
  EXPECT_EQ(windows[1].ids, ids_of(numbered(15).substr(7)));
  EXPECT_EQ(windows[0].first_target, 1);
  EXPECT_EQ(windows[1].first_target, 1);
}

TEST(PerplexityWindows, EachPositionOnceWithAStride) {
  const ByteTokenizer tokenizer;
  for (const Bos bos : {Bos::kNone, Bos::kEvery}) {
    int64_t stream = 0;
    const auto windows = perplexity_windows({text(numbered(20))}, &tokenizer, 8, 3, bos, kVocabulary, stream);
    ASSERT_EQ(windows.size(), 5u);
    EXPECT_EQ(stream, 20);
    Ids scored;
    for (const Window& w : windows) scored.insert(scored.end(), w.ids.begin() + w.first_target, w.ids.end());
    EXPECT_EQ(scored, ids_of(numbered(20).substr(bos == Bos::kEvery ? 0 : 1)));
    EXPECT_EQ(windows[4].ids.size(), bos == Bos::kEvery ? 9u : 8u);
  }
}

TEST(PerplexityWindows, NeverOverDocuments) {
  const ByteTokenizer tokenizer;
  int64_t stream = 0;
  const auto windows = perplexity_windows({text("abcdefg"), text("hij"), ready({5, 6}), ready({1, 2, 3, 4, 5})},
                                          &tokenizer, 4, 4, Bos::kEvery, kVocabulary, stream);
  EXPECT_EQ(stream, 17);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].ids, ids_of("abcd", true));
  EXPECT_EQ(windows[1].ids, (Ids{5, 6}));
  EXPECT_EQ(windows[2].ids, (Ids{1, 2, 3, 4}));
  EXPECT_EQ(windows[2].first_target, 1);
}

TEST(PerplexityWindows, Errors) {
  const ByteTokenizer tokenizer;
  const auto code = [&](const std::vector<Document>& documents, int64_t window, int64_t stride) {
    int64_t stream = 0;
    try {
      perplexity_windows(documents, &tokenizer, window, stride, Bos::kNone, kVocabulary, stream);
    } catch (const Error& e) {
      return e.code();
    }
    return ExitCode::kDone;
  };
  EXPECT_EQ(code({text("abc")}, 4, 4), ExitCode::kBadInput);
  EXPECT_EQ(code({ready({1})}, 4, 4), ExitCode::kBadInput);
  EXPECT_EQ(code({}, 4, 4), ExitCode::kBadInput);
  EXPECT_EQ(code({text("abcdef")}, 1, 1), ExitCode::kUsage);
  EXPECT_EQ(code({text("abcdef")}, 4, 0), ExitCode::kUsage);
  EXPECT_EQ(code({text("abcdef")}, 4, 5), ExitCode::kUsage);
  EXPECT_EQ(code({text("abcdef")}, 4, 4), ExitCode::kDone);
}

TEST(TokensSha256, LittleEndianInt32) {
  using namespace std::string_literals;
  EXPECT_EQ(tokens_sha256({{1, 258}, {65536}}), sha256_hex("\x01\0\0\0\x02\x01\0\0\0\0\x01\0"s));
}

}  // namespace
}  // namespace shorten::text
