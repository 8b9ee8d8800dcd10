// SPDX-License-Identifier: Apache-2.0
// `shorten generate` and `shorten bench` from outside.
#include <gmock/gmock.h>

#include "cli/huge.h"
#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kShape = (source_dir() / "tests/golden/models/llama-gqa/config.json").string();

Outcome generate(const std::vector<std::string>& more, const std::string& prompt = "The clerk opened the") {
  std::vector<std::string> all = {"generate", kNovelist, "--prompt", prompt, "--device", "cpu", "-q"};
  all.insert(all.end(), more.begin(), more.end());
  return shorten(all);
}

Json generated(const std::vector<std::string>& more, const std::string& prompt = "The clerk opened the") {
  auto all = more;
  all.push_back("--json");
  const Outcome run = generate(all, prompt);
  EXPECT_EQ(run.status, 0) << run.err;
  return Json::parse(run.out)["results"];
}

// As golden/generate.json has it for these ids.
TEST(Generate, GreedyTextIsTransformers) {
  const Json golden = read_json(source_dir() / "tests/golden/generate.json")["cases"]["novelist-14m"]["greedy"];
  const Json got =
      generated({"--max-new-tokens", "64", "--prompt", "The clerk", "--ignore-eos"}, "A long time ago in the");
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1]["prompt_ids"], golden[0]["prompt"]);
  EXPECT_EQ(got[1]["ids"], golden[0]["ids"]);
  EXPECT_EQ(got[0]["prompt_ids"], golden[1]["prompt"]);
  EXPECT_EQ(got[0]["ids"], golden[1]["ids"]);
  EXPECT_EQ(got[0]["stop"], "length");
}

TEST(Generate, StreamsTheSameText) {
  const Json want = generated({"--max-new-tokens", "30"});
  EXPECT_EQ(generate({"--max-new-tokens", "30"}).out, want[0]["text"].get<std::string>() + "\n");
}

TEST(Generate, EndsAtAStopString) {
  const Json whole = generated({"--max-new-tokens", "40"});
  const std::string text = whole[0]["text"];
  const std::string stop = text.substr(text.size() / 2, 6);
  const Json got = generated({"--max-new-tokens", "40", "--stop", stop});
  EXPECT_EQ(got[0]["stop"], "stop-string");
  EXPECT_EQ(got[0]["text"], text.substr(0, text.find(stop)));
  EXPECT_LT(got[0]["ids"].size(), whole[0]["ids"].size());
}

TEST(Generate, SeededTextRepeats) {
  const std::vector<std::string> options = {"--max-new-tokens", "30",   "--temperature", "1",
                                            "--top-p",          "0.95", "--seed"};
  const auto with_seed = [&](const char* seed) {
    auto all = options;
    all.push_back(seed);
    return generated(all)[0]["ids"];
  };
  EXPECT_EQ(with_seed("5"), with_seed("5"));
  EXPECT_NE(with_seed("5"), with_seed("6"));
}

TEST(Generate, SeveralModelsHaveHeadings) {
  const Outcome run = shorten(
      {"generate", kNovelist, kNovelist, "--prompt", "The clerk", "--max-new-tokens", "5", "--device", "cpu", "-q"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.out, HasSubstr("== " + kNovelist + "\n"));
}

// A mistake about the second model is said before the first has said anything.
TEST(Generate, AllModelsAreSoundBeforeTheFirstBegins) {
  const TempDir temp;
  fs::copy(kNovelist, temp / "small");
  Json config = Json::parse(read_text(temp / "small/config.json"));
  config["max_position_embeddings"] = 20;
  write(temp / "small/config.json", config.dump());
  const Outcome run = shorten({"generate", kNovelist, (temp / "small").string(), "--prompt", "The clerk",
                               "--max-new-tokens", "40", "--device", "cpu"});
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("--max-new-tokens"));
}

TEST(Generate, WhatALongPromptLeavesToTheOthersIsSaid) {
  std::string longer;
  for (int i = 0; i < 950; ++i) longer += "house ";
  const Outcome run = generate({"--prompt", longer}, "a");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("leaves each at most"));
}

TEST(Generate, MistakesAreNamed) {
  std::string longer;
  for (int i = 0; i < 1200; ++i) longer += "house ";
  const struct {
    std::vector<std::string> more;
    std::string prompt;
    int status;
    std::string says;
  } mistakes[] = {
      {{}, "", 2, "an empty prompt"},
      {{}, longer, 2, "longer than the model's context"},
      {{"--max-new-tokens", "2000"}, "a", 2, "at most 1022"},
      {{"--temperature", "-1"}, "a", 2, "--temperature"},
      {{"--temperature", "1e-50"}, "a", 2, "0.001 to 1000"},
      {{"--temperature", "nan"}, "a", 2, "--temperature"},
      {{"--seed", "-1"}, "a", 2, "0 to 2^64 - 1"},
      {{"--seed", ""}, "a", 2, "0 to 2^64 - 1"},
      {{"--seed", "18446744073709551616"}, "a", 2, "0 to 2^64 - 1"},
      {{"--temperature", "1", "--top-p", "0"}, "a", 2, "--top-p"},
      {{"--temperature", "1", "--min-p", "1.5"}, "a", 2, "--min-p"},
      {{"--top-k", "5"}, "a", 2, "no effect at temperature 0"},
      {{"--repetition-penalty", "0"}, "a", 2, "--repetition-penalty"},
      {{"--repetition-penalty", "1e-300"}, "a", 2, "0.001 to 1000"},
      {{"--stop", ""}, "a", 2, "--stop"},
  };
  for (const auto& mistake : mistakes) {
    const Outcome run = generate(mistake.more, mistake.prompt);
    EXPECT_EQ(run.status, mistake.status) << mistake.says << run.err;
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
  }
}

TEST(Generate, WhatIsMissingForADeviceIsSaid) {
  const Outcome run = shorten({"generate", kNovelist, "--prompt", "a", "--max-new-tokens", "1", "--device", "cuda:99"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, ::testing::AnyOf(HasSubstr("quickstart.sh --cuda"), HasSubstr("no NVIDIA device"),
                                        HasSubstr("no such device")));
}

TEST(Generate, AClosedPipeEndsIt) {
  const Outcome run = shorten({"generate", kNovelist, "--prompt", "The clerk", "--max-new-tokens", "800", "--device",
                               "cpu", "-q", "--ignore-eos"},
                              "| head -c 3");
  EXPECT_EQ(run.status, 141);
}

TEST(Generate, AnInterruptedStreamLeavesNothing) {
  const TempDir temp;
  const int status = shorten_with_signal({"generate", kNovelist, "--prompt", "The clerk", "--max-new-tokens", "1000",
                                          "--ignore-eos", "--device", "cpu", "-o", (temp / "samples.json").string()},
                                         SIGINT, std::chrono::milliseconds(700));
  EXPECT_EQ(status, 130);
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(Generate, WhatDoesNotFitIsSaidBeforeTheModelIsLoaded) {
  const TempDir temp;
  const fs::path model = temp / "long";
  fs::copy(kNovelist, model);
  Json config = read_json(model / "config.json");
  config["max_position_embeddings"] = 1 << 25;
  write(model / "config.json", config.dump());
  const Outcome run =
      shorten({"generate", model.string(), "--prompt", "The clerk", "--max-new-tokens", "16777216", "--device", "cpu"});
  EXPECT_EQ(run.status, 5);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("for generating"), HasSubstr("for states"), ::testing::Not(HasSubstr("loading"))));
}

TEST(Generate, WhereNanAppearsFirstIsNamed) {
  const auto message = [](const std::string& tensor) {
    const TempDir temp;
    const fs::path model = with_huge(kNovelist, tensor, temp / "huge");
    const Outcome run = shorten(
        {"generate", model.string(), "--prompt", "The clerk", "--max-new-tokens", "8", "--device", "cpu", "-q"});
    EXPECT_EQ(run.status, 7);
    return run.err;
  };
  EXPECT_THAT(message("model.layers.5.mlp.down_proj.weight"), HasSubstr("block 5"));
  EXPECT_THAT(message("lm_head.weight"), HasSubstr("the head"));
}

TEST(Bench, MeasuresEveryPointOfTheGrid) {
  const TempDir temp;
  const Outcome run = shorten({"bench",
                               kNovelist,
                               "--random-weights",
                               kShape,
                               "--batch",
                               "1,2",
                               "--input",
                               "4,6",
                               "--new-tokens",
                               "3",
                               "--runs",
                               "3",
                               "--warmup",
                               "1",
                               "--device",
                               "cpu",
                               "--json",
                               "-q",
                               "--charts",
                               temp.path().string(),
                               "-o",
                               (temp / "bench.json").string()});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(Json::parse(read_text(temp / "bench.json")), json);
  ASSERT_EQ(json["results"].size(), 8u);
  for (const Json& r : json["results"]) {
    EXPECT_EQ(r["latency_s"]["runs"].size(), 3u);
    EXPECT_GT(r["throughput_tok_s"].get<double>(), 0);
    EXPECT_NEAR(r["throughput_tok_s"].get<double>() * r["latency_s"]["mean"].get<double>(),
                3 * r["batch"].get<double>(), 1e-9);
    EXPECT_GT(r["decode_tok_s"].get<double>(), 0);
    EXPECT_LT(r["prefill_s"].get<double>(), r["latency_s"]["mean"].get<double>());
    EXPECT_LE(r["latency_s"]["ci95"][0].get<double>(), r["latency_s"]["mean"].get<double>());
    EXPECT_GT(r["peak_memory_bytes"].get<uint64_t>(), r["weight_bytes"].get<uint64_t>());
    EXPECT_GT(r["bandwidth_gb_s"].get<double>(), 0);
  }
  EXPECT_EQ(json["results"][0]["weight_bytes"], 4 * 14561472);
  for (const char* chart : {"latency.svg", "blocks.svg"})
    EXPECT_THAT(read_text(temp / chart), AllOf(HasSubstr("<svg"), HasSubstr("<polyline"), HasSubstr("</svg>")));
  // Models of different shapes are no steps of one another.
  EXPECT_THAT(read_text(temp / "blocks.svg"), HasSubstr("novelist-14m, batch 2, 4 + 3"));
}

TEST(Bench, WhatOneRunCannotTellIsNull) {
  const Outcome run = shorten(
      {"bench", kNovelist, "--new-tokens", "1", "--runs", "1", "--warmup", "0", "--device", "cpu", "--json", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out), result = json["results"][0], latency = result["latency_s"];
  EXPECT_EQ(latency["mean"], latency["median"]);
  EXPECT_TRUE(latency["std"].is_null() && latency["ci95"].is_null());
  EXPECT_TRUE(result["decode_tok_s"].is_null() && result["bandwidth_gb_s"].is_null());
}

TEST(Bench, AnEarlierBatchDoesNotCountForThePeak) {
  const Outcome run = shorten({"bench", kNovelist, "--input", "400", "--new-tokens", "2", "--batch", "16,1", "--runs",
                               "1", "--warmup", "0", "--device", "cpu", "--json", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json results = Json::parse(run.out)["results"];
  EXPECT_LT(results[1]["peak_memory_bytes"].get<double>(), 0.8 * results[0]["peak_memory_bytes"].get<double>());
}

TEST(Bench, KeepsSomeBlocks) {
  const Outcome run = shorten({"bench", kNovelist, "--blocks", "32,8", "--new-tokens", "2", "--runs", "1", "--warmup",
                               "0", "--device", "cpu", "--json", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["results"][0]["parameters"].get<int64_t>() - json["results"][1]["parameters"].get<int64_t>(),
            24 * 405888);
  EXPECT_EQ(json["results"][1]["blocks"], 8);
}

TEST(Bench, TooLargeABatchIsAResult) {
  const Outcome run = shorten({"bench", kNovelist, "--batch", "1,16000000", "--input", "500", "--new-tokens", "2",
                               "--runs", "1", "--warmup", "0", "--device", "cpu", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("out of memory"), HasSubstr("does not fit into memory")));
}

TEST(Bench, MistakesAreNamed) {
  const struct {
    std::vector<std::string> arguments;
    std::string says;
  } mistakes[] = {
      {{"bench"}, "no model"},
      {{"bench", kNovelist, "--blocks", "33"}, "1 to 32"},
      {{"bench", kNovelist, "--batch", "0"}, "--batch"},
      {{"bench", kNovelist, "--charts", "/tmp", "-o", "/tmp/../tmp/latency.svg"}, "two results"},
      {{"bench", kNovelist, "--charts", ".", "-o", "latency.svg"}, "two results"},
      {{"bench", "--random-weights", kShape, "--prompt", "a"}, "no tokenizer"},
      {{"bench", kNovelist, "--prompt", "a", "--input", "3"}, "exclude"},
  };
  for (const auto& mistake : mistakes) {
    const Outcome run = shorten(mistake.arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
  }
}

}  // namespace
}  // namespace shorten::test
