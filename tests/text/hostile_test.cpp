// SPDX-License-Identifier: Apache-2.0
// tokenizer.json, vocab.json, merges.txt and tokenizer_config.json come from strangers.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/random.h"
#include "temp_dir.h"
#include "test_data.h"
#include "text/tokenizer.h"

namespace shorten::text {
namespace {

using test::TempDir;
using test::write;

Json small() {
  return Json::parse(R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

// The error of opening and using `json` as a tokenizer.json; its block must name the file.
Error error_of(const std::string& json, const std::string& text = "ab") {
  TempDir dir;
  write(dir / "tokenizer.json", json);
  try {
    open_tokenizer(dir.path())->encode(text);
  } catch (const Error& e) {
    EXPECT_NE(e.block().find("tokenizer.json"), std::string::npos) << e.block();
    return e;
  }
  ADD_FAILURE() << "no error for " << json.substr(0, 300);
  return bad_input("none");
}

void expect_error(const Json& json, ExitCode code, const std::string& mentioned) {
  const Error e = error_of(json.dump());
  EXPECT_EQ(e.code(), code) << e.block();
  EXPECT_NE(e.block().find(mentioned), std::string::npos) << mentioned << " is not in\n" << e.block();
}

TEST(HostileTokenizer, SmallOneIsSound) {
  TempDir dir;
  write(dir / "tokenizer.json", small().dump());
  const auto tokenizer = open_tokenizer(dir.path());
  EXPECT_EQ(tokenizer->encode("abba<s>b"), (std::vector<TokenId>{2, 1, 0, 3, 1}));
  EXPECT_EQ(tokenizer->vocabulary(), 4);
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
}

TEST(HostileTokenizer, Ids) {
  for (const char* id : {"-1", "4194304", "1e3", "18446744073709551615", "\"0\"", "null", "1.5", "[0]", "{}"}) {
    Json json = small();
    json["model"]["vocab"]["bad"] = Json::parse(id);
    expect_error(json, ExitCode::kBadInput, "bad");
  }
  Json twice = small();
  twice["model"]["vocab"]["again"] = 1;
  expect_error(twice, ExitCode::kBadInput, "again");
  EXPECT_EQ(error_of(R"({"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}})").code(),
            ExitCode::kBadInput);
  Json empty = small();
  empty["model"]["vocab"] = Json::object();
  expect_error(empty, ExitCode::kBadInput, "vocab");
  Json list = small();
  list["model"]["vocab"] = Json::array();
  expect_error(list, ExitCode::kBadInput, "vocab");
}

TEST(HostileTokenizer, Merges) {
  for (const char* merge :
       {R"("a c")", R"("b a")", R"("ab")", R"("a  b")", R"(" b")", R"("a ")", R"("")", R"(["a"])", R"(["a", "b", "c"])",
        R"(["", "b"])", R"(["a", ""])", R"([])", "1", "null", R"([["a", "b"]])", R"({"a": "b"})"}) {
    Json json = small();
    json["model"]["merges"].push_back(Json::parse(merge));
    expect_error(json, ExitCode::kBadInput, "merge");
  }
}

TEST(HostileTokenizer, UnknownParts) {
  const auto with = [](const char* key, const char* value) {
    Json json = small();
    json[key] = Json::parse(value);
    return json;
  };
  expect_error(with("normalizer", R"({"type": "Precompiled"})"), ExitCode::kUnsupported, "Precompiled");
  expect_error(
      with("normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "BertNormalizer"}]})"),
      ExitCode::kUnsupported, "normalizer[1]");
  expect_error(with("pre_tokenizer", R"({"type": "Whitespace"})"), ExitCode::kUnsupported, "Whitespace");
  expect_error(with("pre_tokenizer", R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"})"),
               ExitCode::kUnsupported, "Odd");
  expect_error(with("pre_tokenizer", R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "sometimes"})"),
               ExitCode::kUnsupported, "sometimes");
  expect_error(with("post_processor", R"({"type": "BertProcessing"})"), ExitCode::kUnsupported, "BertProcessing");
  expect_error(with("decoder", R"({"type": "WordPiece"})"), ExitCode::kUnsupported, "WordPiece");
  Json model = small();
  model["model"]["type"] = "Unigram";
  expect_error(model, ExitCode::kUnsupported, "Unigram");
  model = small();
  model["model"]["dropout"] = 0.1;
  expect_error(model, ExitCode::kUnsupported, "dropout");
  model = small();
  model["model"]["end_of_word_suffix"] = "</w>";
  expect_error(model, ExitCode::kUnsupported, "end_of_word_suffix");
}

TEST(HostileTokenizer, WrongTypes) {
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens", "model"}) {
    for (const char* value : {"1", "\"x\"", "true", "[1]", "{\"type\": 5}", "{\"type\": \"Sequence\"}"}) {
      Json json = small();
      json[key] = Json::parse(value);
      const Error e = error_of(json.dump());
      EXPECT_TRUE(e.code() == ExitCode::kBadInput || e.code() == ExitCode::kUnsupported) << e.block();
    }
  }
  for (const char* token :
       {R"({"content": "x"})", R"({"id": -1, "content": "x"})", R"({"id": 5})", R"({"id": 5, "content": 1})",
        R"({"id": 5, "content": ""})", R"({"id": 3, "content": "x"})", R"({"id": 9, "content": "<s>"})",
        R"({"id": 1, "content": "x"})", R"({"id": 5, "content": "ab"})", R"({"id": 99999999999, "content": "x"})"}) {
    Json json = small();
    json["added_tokens"].push_back(Json::parse(token));
    expect_error(json, ExitCode::kBadInput, "added");
  }
  for (const char* single : {"[]", "[1]", R"([{"SpecialToken": {"id": "<s>", "type_id": 0}}])",
                             R"([{"SpecialToken": {"id": "none", "type_id": 0}}, {"Sequence": {"id": "A"}}])",
                             R"([{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}])"}) {
    Json json = small();
    json["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", Json::parse(single)},
                              {"special_tokens", {{"<s>", {{"ids", {77}}}}}}};
    expect_error(json, ExitCode::kBadInput, "post_processor");
  }
}

TEST(HostileTokenizer, NotJson) {
  EXPECT_EQ(error_of("").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of("{").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of("[]").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of("null").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of("{\"model\": \"\xff\"}").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of(R"({"model": {}, "model": {}})").code(), ExitCode::kBadInput);
  EXPECT_EQ(error_of(std::string(100000, '[')).code(), ExitCode::kBadInput);
  std::string many = "{";
  for (int i = 0; i < 200000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(error_of(many + "\"z\":0}").code(), ExitCode::kBadInput);
}

TEST(HostileTokenizer, Regexes) {
  const auto with = [](const char* pattern) {
    Json json = small();
    json["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
    return json;
  };
  const Error slow = error_of(with("(a+)+$").dump(), std::string(60, 'a') + "b");
  EXPECT_EQ(slow.code(), ExitCode::kBadInput);
  EXPECT_NE(slow.block().find("too long"), std::string::npos) << slow.block();
  expect_error(with("(a"), ExitCode::kBadInput, "compile");
  expect_error(with(""), ExitCode::kBadInput, "empty");
  expect_error(with("[a-z&&[aeiou]]"), ExitCode::kUnsupported, "&&");
  expect_error(with("\\h"), ExitCode::kUnsupported, "\\h in");
  expect_error(with("\\C"), ExitCode::kUnsupported, "\\C in");
  expect_error(with("(?m:.)"), ExitCode::kUnsupported, "(?m");
}

TEST(HostileTokenizer, Config) {
  TempDir dir;
  write(dir / "tokenizer.json", small().dump());
  for (const char* config :
       {"[]", R"({"bos_token": 5})", R"({"bos_token": "nowhere"})", R"({"add_bos_token": "yes"})",
        R"({"added_tokens_decoder": {"x": {"content": "y"}}})", R"({"added_tokens_decoder": {"-1": {"content": "y"}}})",
        R"({"added_tokens_decoder": {"7": 1}})", R"({"added_tokens_decoder": {"7": {"content": ""}}})"}) {
    write(dir / "tokenizer_config.json", config);
    try {
      open_tokenizer(dir.path());
      ADD_FAILURE() << config;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kBadInput);
      EXPECT_NE(e.block().find("tokenizer"), std::string::npos) << e.block();
    }
  }
  write(
      dir / "tokenizer_config.json",
      R"({"add_bos_token": true, "bos_token": {"content": "<s>"}, "added_tokens_decoder": {"7": {"content": "<x>"}}})");
  const auto tokenizer = open_tokenizer(dir.path());
  EXPECT_EQ(tokenizer->encode_with_special("a<x>"), (std::vector<TokenId>{3, 0, 7}));
  EXPECT_EQ(tokenizer->vocabulary(), 8);
  // What contradicts tokenizer.json does not count.
  write(dir / "tokenizer_config.json",
        R"({"added_tokens_decoder": {"0": {"content": "y"}, "3": {"content": "z"}, "9": {"content": "ab"}}})");
  EXPECT_EQ(open_tokenizer(dir.path())->encode("ab<s>a"), (std::vector<TokenId>{2, 3, 0}));
}

TEST(HostileTokenizer, ByteLevelFiles) {
  TempDir dir;
  const auto code = [&] {
    try {
      open_tokenizer(dir.path());
    } catch (const Error& e) {
      return e.code();
    }
    return ExitCode::kDone;
  };
  EXPECT_EQ(code(), ExitCode::kBadInput);  // no tokenizer at all
  write(dir / "vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  EXPECT_EQ(code(), ExitCode::kBadInput);
  write(dir / "merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(code(), ExitCode::kUnsupported);  // of which family?
  write(dir / "tokenizer_config.json", R"({"tokenizer_class": "GPT2TokenizerFast"})");
  EXPECT_EQ(code(), ExitCode::kDone);
  write(dir / "merges.txt", "a b\n\nb a\n");
  EXPECT_EQ(code(), ExitCode::kBadInput);
  write(dir / "merges.txt", "a b");
  write(dir / "vocab.json", R"(["a"])");
  EXPECT_EQ(code(), ExitCode::kBadInput);
}

TEST(HostileTokenizer, Changed) {
  Random random(11);
  TempDir dir;
  const std::string good = read_file(test::source_dir() / "tests/text/golden/llama2/tokenizer.json");
  const std::string head = good.substr(0, good.find("\"vocab\""));
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    const size_t reach = i % 2 == 0 ? head.size() : bad.size();
    for (uint64_t n = 1 + random.below(3); n > 0; --n) {
      const std::string characters = "{}[]\":,0-9ntx<\xff";
      bad[random.below(reach)] = characters[random.below(characters.size())];
    }
    write(dir / "tokenizer.json", bad);
    try {
      const auto tokenizer = open_tokenizer(dir.path());
      tokenizer->decode(tokenizer->encode_with_special("Hello  world <A> na\u00efve <s>"), true);
    } catch (const Error& e) {
      EXPECT_TRUE(e.code() == ExitCode::kBadInput || e.code() == ExitCode::kUnsupported) << e.what();
    }
  }
}

}  // namespace
}  // namespace shorten::text
