// SPDX-License-Identifier: Apache-2.0
// score → plan → prune → eval on the example model, against Transformers' values (golden/README.md).
#include <gmock/gmock.h>

#include <cmath>

#include "checkpoint/checkpoint.h"
#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

const fs::path kGolden = source_dir() / "tests/golden/novelist-14m";

Json read(const fs::path& file) { return Json::parse(read_text(file)); }

// Runs and expects success; the error block is the message otherwise.
std::string succeed(const std::vector<std::string>& arguments) {
  const Outcome run = shorten(arguments);
  EXPECT_EQ(run.status, 0) << run.err;
  return run.out;
}

TEST(Pipeline, ScoresEqualTransformers) {
  const Json expected = read(kGolden / "expected.json");
  const Json got = Json::parse(succeed({"score", kNovelist, "--criterion", "ppl,taylor,magnitude,bi", "--text",
                                        (kGolden / "calibration.jsonl").string(), "--device", "cpu", "--json", "-q"}));
  EXPECT_NEAR(got["baseline"]["perplexity"].get<double>(), expected["baseline_perplexity"].get<double>(), 1e-4);
  for (const char* criterion : {"ppl", "taylor", "magnitude", "bi"}) {
    const Json& scores = got["criteria"][criterion]["scores"];
    const Json& want = expected["scores"][criterion];
    ASSERT_EQ(scores.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(scores[i].get<double>() / want[i].get<double>(), 1, 1e-4) << criterion << " block " << i;
    EXPECT_EQ(got["criteria"][criterion]["order"], expected["order"][criterion]) << criterion;
  }
}

TEST(Pipeline, HalfPrecisionChoosesTheSameBlocks) {
  const Json expected = read(kGolden / "expected.json");
  const Json got = Json::parse(succeed({"score", kNovelist, "--text", (kGolden / "calibration.jsonl").string(),
                                        "--device", "cpu", "--dtype", "bf16", "--json", "-q"}));
  const auto chosen = [](const Json& order) {
    std::vector<int> blocks;
    for (const int b : order) {
      if (b >= 4 && b < 30 && blocks.size() < 8) blocks.push_back(b);
    }
    std::sort(blocks.begin(), blocks.end());
    return blocks;
  };
  EXPECT_EQ(chosen(got["criteria"]["ppl"]["order"]), chosen(expected["order"]["ppl"]));
}

TEST(Pipeline, PerplexitiesEqualTransformers) {
  for (const Json& want : read(kGolden / "expected.json")["eval"]) {
    const Json report = Json::parse(
        succeed({"eval", kNovelist, "--text", "held-out=" + kHeldOut, "--bos", want["bos"], "--window",
                 want["window"].dump(), "--stride", want["stride"].dump(), "--device", "cpu", "--json", "-q"}));
    const Json& got = report["models"][0]["perplexity"][0];
    EXPECT_EQ(got["tokens"], want["tokens"]);
    EXPECT_EQ(got["predicted"], want["predicted"]);
    EXPECT_NEAR(got["nll"].get<double>(), want["nll"].get<double>(), 1e-5) << want["bos"];
    EXPECT_NEAR(got["value"].get<double>(), want["value"].get<double>(), 1e-3);
  }
}

TEST(Pipeline, EveryTokenEqualsTransformers) {
  const TempDir temp;
  const std::string file = (temp / "tokens.jsonl").string();
  succeed({"eval", kNovelist, "--text", "x=" + (kGolden / "calibration.jsonl").string(), "--bos", "none", "--per-token",
           file, "--device", "cpu", "-q"});
  std::ifstream lines(file);
  const Json expected = read(kGolden / "expected.json")["logprobs"];
  std::string line;
  for (const Json& want : expected) {
    ASSERT_TRUE(std::getline(lines, line));
    const Json got = Json::parse(line);
    EXPECT_TRUE(got["logprob"][0].is_null());
    ASSERT_EQ(got["logprob"].size(), want.size() + 1);
    for (size_t t = 0; t < want.size(); ++t)
      EXPECT_NEAR(got["logprob"][t + 1].get<double>(), want[t].get<double>(), 1e-4);
  }
}

TEST(Pipeline, FromScoresToAShorterModel) {
  const TempDir temp;
  const std::string scores = (temp / "scores.json").string(), plan = (temp / "plan.json").string(),
                    shorter = (temp / "shorter").string();
  succeed({"score", kNovelist, "--criterion", "bi,magnitude", "--text", kCalibrate, "-o", scores, "-q"});
  succeed({"plan", kNovelist, "--scores", scores, "--criterion", "bi", "--remove", "8", "-o", plan, "-q"});
  EXPECT_EQ(read(plan)["remove"].size(), 8);
  EXPECT_EQ(read(plan)["parameters"]["after"], 14561472 - 8 * 405888);
  succeed({"prune", kNovelist, "--plan", plan, "-o", shorter, "-q"});
  EXPECT_EQ(Json::parse(succeed({"inspect", shorter, "--json"}))["blocks"], 24);

  // Again into the same place: refused, and nothing changed. Forced: done.
  const Outcome again = shorten({"prune", kNovelist, "--plan", plan, "-o", shorter, "-q"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("--force"));
  succeed({"prune", kNovelist, "--plan", plan, "-o", shorter, "-q", "--force"});

  // The plan and the scores are the first model's.
  EXPECT_EQ(shorten({"prune", shorter, "--plan", plan, "-o", (temp / "x").string()}).status, 3);
  EXPECT_EQ(shorten({"plan", shorter, "--scores", scores, "--criterion", "bi", "--remove", "1"}).status, 3);
  EXPECT_FALSE(fs::exists(temp / "x"));

  const Json report = Json::parse(
      succeed({"eval", kNovelist, shorter, "--text", "a=" + kHeldOut, "--text", "b=" + kCalibrate, "--json", "-q"}));
  ASSERT_EQ(report["models"].size(), 2);
  EXPECT_GT(report["models"][1]["perplexity"][0]["value"], report["models"][0]["perplexity"][0]["value"]);
}

// The log-probabilities that `eval` finds for the tokens of one row, against `want` [T, vocabulary].
void expect_logprobs(const fs::path& model, const Json& ids, const Json& want) {
  const TempDir temp;
  const std::string rows = write(temp / "rows.jsonl", Json{{"input_ids", ids}}.dump() + "\n").string(),
                    tokens = (temp / "tokens.jsonl").string();
  succeed({"eval", model.string(), "--text", "x=" + rows, "--bos", "none", "--per-token", tokens, "--device", "cpu",
           "--dtype", "fp32", "-q"});
  const Json got = Json::parse(read_text(tokens))["logprob"];
  ASSERT_EQ(got.size(), ids.size()) << model;
  for (size_t t = 0; t + 1 < ids.size(); ++t)
    EXPECT_NEAR(got[t + 1].get<double>(), want[t][ids[t + 1].get<size_t>()].get<double>(), 1e-4) << model;
}

// Whole directories, config.json and renamed tensors together: what the model tests do in memory.
TEST(Pipeline, PrunedDirectoriesEqualTransformers) {
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(source_dir() / "tests/golden/models")) {
    const Json expected = read(entry.path() / "expected.json");
    if (!expected.contains("pruned")) continue;
    ++cases;
    const TempDir temp;
    const fs::path pruned = temp / entry.path().filename().string();
    std::string drop;
    for (const Json& block : expected["pruned"]["remove"]) drop += (drop.empty() ? "" : ",") + block.dump();
    succeed({"prune", entry.path().string(), "--drop", drop, "-o", pruned.string(), "-q"});
    expect_logprobs(pruned, expected["inputs"][0], expected["pruned"]["logprobs_row0"]);
  }
  EXPECT_GE(cases, 6) << "among them windows from a threshold and from a list";
}

TEST(Pipeline, ATiedHeadWithoutTheEmbeddingIsTheSameModel) {
  const TempDir temp;
  const fs::path source = source_dir() / "tests/golden/models/llama-tied", model = temp / "model";
  const checkpoint::Checkpoint tied(source);
  std::vector<checkpoint::Tensor> tensors;
  for (auto [name, tensor] : tied.tensors()) {
    if (name == "model.embed_tokens.weight") tensor.name = "lm_head.weight";
    tensors.push_back(tensor);
  }
  write(model / "config.json", tied.config_text());
  checkpoint::write_safetensors(model / "model.safetensors", tensors, {});
  const Json expected = read(source / "expected.json");
  expect_logprobs(model, expected["inputs"][0], expected["logprobs"][0]);
}

TEST(Pipeline, WithoutItsReaderPruneLeavesTheOldOutput) {
  const TempDir temp;
  const std::string out = (temp / "out").string();
  EXPECT_EQ(shorten({"prune", kNovelist, "--drop", "5", "-o", out, "-q"}, "> /dev/full").status, 5);
  EXPECT_EQ(shorten({"prune", kNovelist, "--drop", "5", "-o", out, "-q", "--json"}, "| true").status, 141);
  EXPECT_TRUE(fs::is_empty(temp.path()));
  succeed({"prune", kNovelist, "--drop", "5", "-o", out, "-q"});
  EXPECT_EQ(shorten({"prune", kNovelist, "--drop", "5,6", "-o", out, "-q", "--force"}, "> /dev/full").status, 5);
  EXPECT_EQ(read(fs::path(out) / "config.json")["num_hidden_layers"], 31);
}

// What is wrong with the command is said before the weights are read; here they cannot be read at all.
TEST(Pipeline, PruneChecksWhatIsCheapFirst) {
  const TempDir temp;
  const std::string model = (temp / "model").string(), plan = write(temp / "plan.json", "{").string();
  fs::create_directory(model);
  fs::create_directory(temp / "exists");
  write(temp / "exists/config.json", "{}");
  const Outcome exists = shorten({"prune", model, "--drop", "1", "-o", (temp / "exists").string()});
  EXPECT_EQ(exists.status, 2);
  EXPECT_THAT(exists.err, HasSubstr("--force"));
  const Outcome unreadable = shorten({"prune", model, "--plan", plan, "-o", (temp / "new").string()});
  EXPECT_EQ(unreadable.status, 3);
  EXPECT_THAT(unreadable.err, HasSubstr("plan.json"));
}

TEST(Pipeline, CalibrationDependsOnTheSeedAlone) {
  const auto hash = [](const std::string& seed) {
    const Json scores = Json::parse(succeed({"score", kNovelist, "--criterion", "bi", "--samples", "3", "--length",
                                             "32", "--text", kCalibrate, "--seed", seed, "--json", "-q"}));
    return scores["calibration"]["tokens_sha256"].get<std::string>();
  };
  const std::string first = hash("1");
  EXPECT_EQ(hash("1"), first);
  EXPECT_NE(hash("2"), first);
}

TEST(Pipeline, BadTextsAreRefused) {
  const TempDir temp;
  const std::string out = (temp / "scores.json").string();
  for (const auto& [name, content, mention] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"empty.txt", "", "empty"},
           {"short.txt", "A short text.", "128"},
           {"latin1.txt", "caf\xe9 and much more text", "UTF-8"},
           {"no-text.jsonl", "{\"body\": \"x\"}\n", "line 1"},
           {"broken.jsonl", "{\"text\": \"x\"}\n{\"text\": \n", "line 2"},
           {"big-id.jsonl", "{\"input_ids\": [1, 2, 4096]}\n", "4096"},
           {"negative-id.jsonl", "{\"input_ids\": [1, -2, 3]}\n", "line 1"},
       }) {
    const std::string file = write(temp / name, content).string();
    for (const Outcome& run : {shorten({"score", kNovelist, "--text", file, "-o", out}),
                               shorten({"eval", kNovelist, "--text", file, "-o", out})}) {
      EXPECT_EQ(run.status, 3) << name << run.err;
      EXPECT_THAT(run.err, HasSubstr(name));
      EXPECT_THAT(run.err, HasSubstr(mention)) << name;
      EXPECT_FALSE(fs::exists(out));
    }
  }
}

}  // namespace
}  // namespace shorten::test
