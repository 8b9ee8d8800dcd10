// SPDX-License-Identifier: Apache-2.0
// What `shorten heal` leaves behind, and what it leaves alone.
#include "cli/heal.h"

#include <cmath>

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(HealTest, LoraLeavesAdapterModelAndLog) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), run = in("run");
  const std::string text = write(temp / "text.jsonl", R"({"input_ids": [1, 2, 3, 4, 5, 6, 7, 8]})"
                                                      "\n")
                               .string();
  const Outcome out = healed({model,
                              "-o",
                              run,
                              "--data",
                              rows(20),
                              "--validation",
                              rows(4, 48, "held.jsonl", 2),
                              "--steps",
                              "8",
                              "--batch",
                              "4",
                              "--warmup",
                              "3",
                              "--lr",
                              "1e-2",
                              "--eval-every",
                              "3",
                              "--text",
                              "beside=" + text,
                              "--json"});
  EXPECT_EQ(names_in(run),
            (std::set<std::string>{"adapter", "model", "train.jsonl", "train.csv", "loss.svg", "heal.json"}));
  EXPECT_EQ(Json::parse(out.out), read_json(fs::path(run) / "heal.json"));
  std::ifstream log(fs::path(run) / "train.jsonl");
  int step = 0;
  for (std::string line; std::getline(log, line); ++step) {
    const Json json = Json::parse(line);
    for (const char* key : {"step", "loss", "grad_norm", "lr", "tokens", "tokens_per_s"})
      EXPECT_TRUE(json.contains(key)) << key;
    EXPECT_EQ(json["step"], step + 1);
    EXPECT_DOUBLE_EQ(json["lr"].get<double>(), step < 3 ? 1e-2 * step / 3 : 1e-2 * (8 - step) / 5);
    EXPECT_EQ(json.contains("val_loss"), step == 2 || step == 5 || step == 7) << step;
  }
  EXPECT_EQ(step, 8);
  const std::string csv = read_text(fs::path(run) / "train.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 9);
  EXPECT_THAT(csv, ::testing::StartsWith("step,loss,grad_norm,lr,tokens,tokens_per_s,val_loss\n1,"));
  EXPECT_THAT(read_text(fs::path(run) / "loss.svg"), AllOf(HasSubstr("<polyline"), HasSubstr("</svg>")));
  const Json report = Json::parse(out.out);
  EXPECT_EQ(report["settings"]["lr"], 1e-2);
  EXPECT_LT(report["after"]["loss"], report["before"]["loss"]);
  EXPECT_GT(report["before"]["perplexity"]["beside"], 1.0);
  EXPECT_EQ(report["data"].size(), 2u);
  EXPECT_EQ(report["data"][0]["sha256"].get<std::string>().size(), 64u);

  // It is a model as any other.
  for (const Arguments& use : std::vector<Arguments>{
           {"eval", run + "/model", "--text", "x=" + text, "--bos", "none", "-q"},
           {"bench", run + "/model", "--input", "4", "--new-tokens", "2", "--runs", "1", "--warmup", "0", "-q"},
           {"prune", run + "/model", "--drop", "1", "-o", in("shorter"), "-q"},
       }) {
    const Outcome used = shorten(use);
    EXPECT_EQ(used.status, 0) << used.err;
  }
  EXPECT_EQ(read_json(fs::path(run) / "model/shorten.json")["format"], "shorten.healed");
  EXPECT_EQ(read_json(temp / "shorter/config.json")["num_hidden_layers"], 2);

  const Outcome again = heal({"--resume", run});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("finished already"));
}

TEST_F(HealTest, FullTrainingKeepsTiedHeadsTied) {
  for (const char* name : {"llama-tied", "qwen2-tied", "qwen3-bias"}) {
    const std::string model = pruned(tiny(name), "1", name), run = in(std::string(name) + "-run");
    healed({model, "-o", run, "--data", rows(12), "--method", "full", "--steps", "4", "--batch", "4", "--warmup", "1",
            "--lr", "1e-2", "-q"});
    EXPECT_EQ(names_in(run), (std::set<std::string>{"model", "train.jsonl", "train.csv", "loss.svg", "heal.json"}));
    const checkpoint::Checkpoint before(model), after(run + "/model");
    EXPECT_EQ(after.tensors().count("lm_head.weight"), 0u) << name;
    EXPECT_EQ(after.tensors().size(), before.tensors().size());
    EXPECT_EQ(read_json(run + "/model/config.json")["tie_word_embeddings"], true);
    const std::vector<Json> log = log_of(run);
    ASSERT_EQ(log.size(), 4u);
    EXPECT_EQ(log[0]["lr"], 0.0);
    EXPECT_DOUBLE_EQ(log[2]["lr"].get<double>(), 1e-2 * 0.5 * (1 + std::cos(M_PI / 3)));
    EXPECT_LT(losses_of(run).back(), losses_of(run).front());
  }
}

TEST_F(HealTest, WithoutMergingThereIsOnlyTheAdapter) {
  healed({pruned(tiny("mistral-window"), "2"), "-o", in("run"), "--data", rows(8), "--steps", "2", "--batch", "4",
          "--warmup", "0", "--no-merge", "-q"});
  EXPECT_TRUE(fs::exists(temp / "run/adapter/adapter_config.json"));
  EXPECT_FALSE(fs::exists(temp / "run/model"));
}

// The first step has rate 0, and all others make it worse: the best weights are those that it began with.
TEST_F(HealTest, ABestStepThatMovedNothingIsLeftOut) {
  const auto same_tokens = [&](const std::string& name, int token) {
    const std::string row =
        Json{{"input_ids", std::vector<int>(8, token)}, {"labels", std::vector<int>(8, token)}}.dump();
    return write(temp / name, row + "\n" + row + "\n").string();
  };
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = same_tokens("rows.jsonl", 3),
                    held = same_tokens("held.jsonl", 7);
  const Arguments arguments = {model,  "--data",   data, "--validation", held, "--method",
                               "full", "--steps",  "4",  "--batch",      "8",  "--lr",
                               "0.5",  "--warmup", "1",  "--eval-every", "1",  "-o"};
  const Outcome run = healed(arguments + Arguments{in("run")});
  EXPECT_EQ(read_json(temp / "run/heal.json")["best"]["step"], 1);
  EXPECT_TRUE(fs::exists(temp / "run/model"));
  EXPECT_FALSE(fs::exists(temp / "run/best"));
  EXPECT_THAT(run.err, ::testing::HasSubstr("best is not written: the training has changed no weight"));
  EXPECT_EQ(heal(arguments + Arguments{in("kept"), "--keep", "best"}).status, 6);
}

// Rows of another kind are held out: training makes them worse sooner or later, so the best is not the last.
TEST_F(HealTest, TheBestAndTheLastAreKept) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), held = rows(8, 48, "held.jsonl", 9);
  const Arguments common = {
      "--data", rows(8), "--validation", held,       "--steps",      "60", "--batch",   "8", "--warmup", "0",
      "--lr",   "5e-2",  "--schedule",   "constant", "--eval-every", "2",  "--dropout", "0", "-q"};
  healed(Arguments{model, "-o", in("best"), "--keep", "best"} + common);
  healed(Arguments{model, "-o", in("last"), "--keep", "last"} + common);
  const Json report = read_json(temp / "best/heal.json");
  ASSERT_LT(report["best"]["step"], 60);
  EXPECT_EQ(report["after"]["loss"], report["best"]["loss"]);  // what is reported is what is kept
  EXPECT_TRUE(fs::exists(temp / "best/last/adapter/adapter_model.safetensors"));
  EXPECT_TRUE(fs::exists(temp / "last/best/adapter/adapter_model.safetensors"));
  const std::string weights = "adapter/adapter_model.safetensors";
  EXPECT_TRUE(read_text(temp / "best" / weights) == read_text(temp / "last/best" / weights));
  EXPECT_TRUE(read_text(temp / "best/last" / weights) == read_text(temp / "last" / weights));
  EXPECT_FALSE(read_text(temp / "best" / weights) == read_text(temp / "last" / weights));

  healed(Arguments{model, "-o", in("early"), "--early-stop", "2"} + common);
  const Json early = read_json(temp / "early/heal.json");
  EXPECT_EQ(early["stopped_early"], true);
  EXPECT_EQ(early["steps"].get<int>(), early["best"]["step"].get<int>() + 4);
}

TEST_F(HealTest, WithoutItsReaderItCanEndAgain) {
  const Arguments arguments = {
      "heal", pruned(tiny("llama-gqa"), "1"), "-o", in("run"), "--data", rows(8), "--steps", "2", "--warmup", "0",
      "-q"};
  const Outcome full = shorten(arguments, "> /dev/full");
  EXPECT_EQ(full.status, 5);
  EXPECT_THAT(full.err, HasSubstr("--resume"));
  EXPECT_FALSE(fs::exists(temp / "run/heal.json"));
  healed({"--resume", in("run"), "-q"});
  EXPECT_TRUE(fs::exists(temp / "run/heal.json"));
  EXPECT_FALSE(fs::exists(temp / "run/state"));
}

TEST_F(HealTest, OutputsInTheWay) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(4);
  const Arguments common = {model, "--data", data, "--steps", "2", "--batch", "2", "--warmup", "0", "-q", "-o"};
  healed(common + Arguments{in("run")});
  const std::string before = read_text(temp / "run/train.jsonl");
  const Outcome again = heal(common + Arguments{in("run")});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, AllOf(HasSubstr("another run"), HasSubstr("--force")));
  // What was there stays until the new run can begin.
  EXPECT_EQ(heal(common + Arguments{in("run"), "--force", "--data", write(temp / "empty.jsonl", "").string()}).status,
            3);
  EXPECT_EQ(heal(common + Arguments{in("run"), "--force", "--max-memory", "1KB"}).status, 5);
  EXPECT_EQ(read_text(temp / "run/train.jsonl"), before);
  EXPECT_TRUE(fs::exists(temp / "run/heal.json") && !fs::exists(temp / "run/state"));
  // What is made does not replace what it is made from.
  const Arguments again_from = {"--data", data, "--steps", "2", "-q", "--force", "-o", in("run")};
  for (const Arguments& from : {Arguments{in("run/model")}, Arguments{model, "--init-adapter", in("run/adapter")}}) {
    const Outcome itself = heal(from + again_from);
    EXPECT_EQ(itself.status, 2);
    EXPECT_THAT(itself.err, HasSubstr("contains an input"));
    EXPECT_TRUE(fs::exists(temp / "run/model/model.safetensors"));
  }
  healed(common + Arguments{in("run"), "--force"});
  healed(common + Arguments{in("slash/")});
  write(temp / "run/notes.txt", "mine");
  const Outcome other = heal(common + Arguments{in("run"), "--force"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("something else"));
  EXPECT_TRUE(fs::exists(temp / "run/notes.txt"));
  EXPECT_EQ(heal(common + Arguments{model, "--force"}).status, 2) << "into the model itself";
  EXPECT_EQ(heal(common + Arguments{model + "/run"}).status, 2);
  EXPECT_EQ(heal(common + Arguments{data}).status, 2);
  EXPECT_EQ(heal(common + Arguments{in("no/such/folder")}).status, 3);
}

TEST_F(HealTest, WhatIsNotOursStays) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(8), run = in("foreign");
  const auto refused = [&](const Arguments& arguments, int status) {
    const Outcome out = heal(arguments);
    EXPECT_EQ(out.status, status) << out.err;
    EXPECT_TRUE(fs::exists(temp / "foreign/state/mine.txt"));
    EXPECT_TRUE(fs::exists(temp / "foreign/model/mine.txt"));
  };
  for (const char* folder : {"state", "model"}) {
    fs::create_directories(temp / "foreign" / folder);
    write(temp / "foreign" / folder / "mine.txt", "x");
  }
  refused(training(model, data, run, 2), 2);
  refused(training(model, data, run, 2) + Arguments{"--force"}, 2);
  write(temp / "foreign/heal.json", R"({"a": 1})");
  refused({"--resume", run}, 3);
  refused(training(model, data, run, 2) + Arguments{"--force"}, 2);
}

}  // namespace
}  // namespace shorten::test
