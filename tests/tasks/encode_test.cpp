// SPDX-License-Identifier: Apache-2.0
// Requests as token windows. Where ids are given for the example model, they are those of the harness itself
// (0.4.3 and 0.4.13) with that model's tokenizer.
#include "tasks/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "core/error.h"
#include "test_data.h"

namespace shorten::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using text::TokenId;
using Ids = std::vector<TokenId>;

constexpr TokenId kBos = 1, kEos = 2, kPair = 3;

// A byte a token, but for "ab", which is one. BOS goes in front by default.
class Letters : public text::Tokenizer {
 public:
  Letters(std::optional<TokenId> bos, std::optional<TokenId> eos) {
    bos_ = bos;
    eos_ = eos;
    file_ = "letters";
  }
  Ids encode(std::string_view text) const override {
    Ids out;
    for (size_t at = 0; at < text.size(); ++at) {
      const bool pair = text.substr(at).starts_with("ab");
      out.push_back(pair ? kPair : static_cast<TokenId>(static_cast<unsigned char>(text[at])));
      at += pair ? 1 : 0;
    }
    return out;
  }
  Ids encode_with_special(std::string_view text) const override {
    Ids out = encode(text);
    if (bos_) out.insert(out.begin(), *bos_);
    return out;
  }
  std::string decode(const Ids& ids, bool) const override { return ids == Ids{kBos} ? "<s>" : "</s>"; }
  int64_t vocabulary() const override { return 256; }
  std::optional<TokenId> token_to_id(std::string_view) const override { return {}; }
};

const Letters kBoth(kBos, kEos), kOnlyEos({}, kEos), kNeither({}, {});

std::pair<Ids, Ids> pair(const std::string& context, const std::string& continuation, std::string_view profile,
                         const text::Tokenizer& tokenizer = kBoth) {
  const Encoded e = encode_pair({context, continuation}, tokenizer, find_profile(profile));
  return {e.context, e.continuation};
}
using Pair = std::pair<Ids, Ids>;

TEST(EncodePair, WhiteSpaceMovesToTheContinuation) {
  const Request moved = move_trailing_space({"a\u00a0\u2003\n", " b"});
  EXPECT_EQ(moved.context, "a");
  EXPECT_EQ(moved.continuation, "\u00a0\u2003\n b");
  EXPECT_EQ(pair("x ", "y", "v0.4.3"), Pair({'x'}, {' ', 'y'}));
  EXPECT_EQ(pair("x ", "y", "v0.3-joint"), Pair({'x'}, {' ', 'y'}));
  EXPECT_EQ(pair("x ", "y", "v0.3-sep"), Pair({'x', ' '}, {'y'}));  // the first harness left it
}

TEST(EncodePair, JointlyOrEachAlone) {
  EXPECT_EQ(pair("xa", "bc", "v0.3-sep"), Pair({'x', 'a'}, {'b', 'c'}));
  // A token across the seam: the context keeps its own tokens, the continuation what is behind as many.
  EXPECT_EQ(pair("xa", "bc", "v0.4.3"), Pair({'x', 'a'}, {'c'}));
}

TEST(EncodePair, BosIsTheTokenizersOnlyInTheNewestProfile) {
  for (const char* profile : {"v0.3-sep", "v0.3-joint", "v0.4-nobos", "v0.4.3"}) {
    EXPECT_EQ(pair("x", " y", profile), Pair({'x'}, {' ', 'y'})) << profile;
  }
  EXPECT_EQ(pair("x", " y", "v0.4.9.2"), Pair({kBos, 'x'}, {' ', 'y'}));
  EXPECT_EQ(pair("x", " y", "v0.4.9.2", kOnlyEos), Pair({'x'}, {' ', 'y'}));
  // Not twice, where it is spelled out.
  EXPECT_EQ(pair("<s>", "y", "v0.4.9.2"), Pair({'<', 's', '>'}, {'y'}));
}

TEST(EncodePair, EmptyContextBecomesThePrefixToken) {
  for (const char* profile : {"v0.3-sep", "v0.3-joint", "v0.4-nobos"}) {
    EXPECT_EQ(pair("", "y", profile), Pair({kEos}, {'y'})) << profile;
  }
  for (const char* profile : {"v0.4.3", "v0.4.9.2"}) {
    EXPECT_EQ(pair("", "y", profile), Pair({kBos}, {'y'})) << profile;
    EXPECT_EQ(pair("", "y", profile, kOnlyEos), Pair({kEos}, {'y'})) << profile;
    EXPECT_THROW(pair("", "y", profile, kNeither), Error) << profile;
    EXPECT_NO_THROW(pair("x", "y", profile, kNeither)) << profile;
  }
}

TEST(EncodePair, WhatTheHarnessDoesWithTheExampleModel) {
  const auto tokenizer = text::open_tokenizer(test::source_dir() / "examples/novelist-14m");
  const auto late = [&](const char* context, const char* continuation) {
    return pair(context, continuation, "v0.4.9.2", *tokenizer);
  };
  EXPECT_EQ(late("<s>Once upon a time", " there"), Pair({1, 3632, 609, 261, 583}, {463}));
  EXPECT_EQ(late("", " hello there"), Pair({1}, {4025, 291, 289, 4029, 463}));
  EXPECT_EQ(late("", "<s> a"), Pair({1}, {4025, 261}));
  EXPECT_EQ(late("word \n", " next"), Pair({1, 795}, {4025, 13, 1318}));
  EXPECT_EQ(late("caf\u00e9 ", " Zo\u00eb"), Pair({1, 1224, 4041, 198, 172}, {4025, 4025, 93, 4029, 198, 174}));
  const auto middle = [&](const char* context, const char* continuation) {
    return pair(context, continuation, "v0.4.3", *tokenizer);
  };
  EXPECT_EQ(middle("<s>Once upon a time", " there"), Pair({1, 3632, 609, 261, 583}, {463}));
  EXPECT_EQ(middle("", "<s> a"), Pair({1}, {1, 4025, 261}));
  EXPECT_EQ(middle("word \n", " next"), Pair({795}, {4025, 13, 1318}));
}

std::string refused(const std::function<void()>& use) {
  try {
    use();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kBadInput);
    return e.block();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(EncodePair, NothingLeft) {
  EXPECT_THAT(refused([] { pair("xa", "b", "v0.4.3"); }), HasSubstr("no token is left for the continuation"));
  EXPECT_THAT(refused([] { pair("x", "", "v0.4.3"); }), HasSubstr("continuation"));
  EXPECT_THAT(refused([] { pair("x", "", "v0.3-sep"); }), HasSubstr("continuation"));
  EXPECT_THAT(refused([] { pair("", "", "v0.4.9.2"); }), HasSubstr("continuation"));
  EXPECT_THAT(refused([] { pair(" ", "y", "v0.4.3"); }), HasSubstr("no token is left for the context"));
  EXPECT_EQ(pair(" ", "y", "v0.4.9.2"), Pair({kBos}, {' ', 'y'}));
}

TEST(ToWindow, CutsTheContextFromTheLeft) {
  const text::Window whole = to_window({{1, 2, 3}, {4, 5}}, 4);
  EXPECT_THAT(whole.ids, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(whole.first_target, 3);
  const text::Window cut = to_window({{1, 2, 3}, {4, 5}}, 2);
  EXPECT_THAT(cut.ids, ElementsAre(3, 4, 5));
  EXPECT_EQ(cut.first_target, 1);
  EXPECT_THAT(refused([] { to_window({{1}, {2, 3, 4}}, 2); }), HasSubstr("at most 2 tokens"));
}

TEST(RollingWindows, PredictEveryTokenOnce) {
  for (int64_t length = 0; length <= 23; ++length) {
    for (int64_t room = 1; room <= 9; ++room) {
      Ids ids(static_cast<size_t>(length));
      std::iota(ids.begin(), ids.end(), 100);
      Ids predicted;
      for (const text::Window& w : rolling_windows(ids, kBos, room)) {
        EXPECT_LE(static_cast<int64_t>(w.ids.size()), room + 1);
        EXPECT_GE(w.first_target, 1);
        predicted.insert(predicted.end(), w.ids.begin() + w.first_target, w.ids.end());
        // What is read is a part of the text, with the prefix before its beginning.
        for (size_t i = 1; i < w.ids.size(); ++i) {
          EXPECT_EQ(w.ids[i], w.ids[i - 1] == kBos ? 100 : w.ids[i - 1] + 1);
        }
      }
      EXPECT_EQ(predicted, ids);
    }
  }
}

TaskData data_of(std::string_view task, std::vector<std::pair<std::string, std::string>> requests) {
  TaskData data;
  data.task = &find_task(task);
  data.file = "data.jsonl";
  for (size_t i = 0; i < requests.size(); ++i) {
    data.ids.push_back(static_cast<int64_t>(i));
    data.examples.emplace_back().requests = {{requests[i].first, requests[i].second}};
  }
  return data;
}

TEST(EncodeTask, ManyDocumentsInOrder) {
  std::vector<std::pair<std::string, std::string>> requests;
  for (int i = 0; i < 1000; ++i) requests.emplace_back(std::string(1 + static_cast<size_t>(i) % 50, 'x'), " y");
  const auto windows = encode_task(data_of("lambada_openai", requests), kBoth, find_profile("v0.4.3"), 64, 256).windows;
  ASSERT_EQ(windows.size(), 1000u);
  for (size_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(windows[i].size(), 1u);
    EXPECT_EQ(windows[i][0].first_target, static_cast<int64_t>(1 + i % 50));
  }
}

TEST(EncodeTask, WholeTexts) {
  const TaskData data = data_of("wikitext", {{"", "vwxyz"}});
  const auto windows = [&](const char* profile, const Letters& tokenizer = kBoth) {
    const EncodedTask encoded = encode_task(data, tokenizer, find_profile(profile), 4, 256);
    std::vector<Ids> out;
    for (const text::Window& w : encoded.windows[0]) out.push_back(w.ids);
    return out;
  };
  EXPECT_THAT(windows("v0.4-nobos"), ElementsAre(Ids{kEos, 'v', 'w', 'x', 'y'}, Ids{'v', 'w', 'x', 'y', 'z'}));
  EXPECT_THAT(windows("v0.4.3"), ElementsAre(Ids{kBos, 'v', 'w', 'x', 'y'}, Ids{'v', 'w', 'x', 'y', 'z'}));
  // The newest harness predicts the tokenizer's BOS after the prefix, and counts it.
  EXPECT_THAT(windows("v0.4.9.2"), ElementsAre(Ids{kBos, kBos, 'v', 'w', 'x'}, Ids{'v', 'w', 'x', 'y', 'z'}));
  EXPECT_THROW(windows("v0.4.3", kNeither), Error);
}

TEST(EncodeTask, CountsContextsThatAreTooLong) {
  const TaskData data = data_of("lambada_openai", {{"vwx", "y"}, {"vwxy", "z"}, {"uvwxy", "z"}, {"uvwxyz", "st"}});
  EXPECT_EQ(encode_task(data, kNeither, find_profile("v0.4.3"), 4, 256).shortened, 2);
  EXPECT_EQ(encode_task(data, kNeither, find_profile("v0.4.3"), 64, 256).shortened, 0);
}

TEST(EncodeTask, TheFirstBadDocumentIsTheError) {
  std::vector<std::pair<std::string, std::string>> requests(200, {"x", " y"});
  requests[60].second = requests[61].second = requests[150].second = "";
  for (int run = 0; run < 20; ++run) {
    const std::string block =
        refused([&] { encode_task(data_of("lambada_openai", requests), kBoth, find_profile("v0.4.3"), 64, 256); });
    EXPECT_THAT(block, AllOf(HasSubstr("data.jsonl"), HasSubstr("line 61")));
  }
}

TEST(EncodeTask, IdsMustBeTheModels) {
  const TaskData data = data_of("lambada_openai", {{"x", " y"}});
  EXPECT_THAT(refused([&] { encode_task(data, kBoth, find_profile("v0.4.3"), 64, 'y'); }),
              AllOf(HasSubstr("ids below 121"), HasSubstr("line 1"), HasSubstr("another model")));
}

}  // namespace
}  // namespace shorten::tasks
