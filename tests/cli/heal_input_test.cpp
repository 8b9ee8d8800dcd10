// SPDX-License-Identifier: Apache-2.0
// `shorten heal` with input that is wrong, text of its own, adapters to go on from, and layouts that must not matter.
#include <cmath>

#include "cli/heal.h"
#include "cli/huge.h"

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HealInputTest : public HealTest {
 protected:
  // Runs it on `model`; it must end so, say so, and leave neither model nor adapter.
  void expect_refused(const std::string& model, const Arguments& more, int status,
                      const std::vector<std::string>& says) {
    fs::remove_all(temp / "run");
    const Outcome wrong = heal(Arguments{model, "-o", in("run"), "-q"} + more);
    std::string shown;
    for (const std::string& argument : more) shown += " " + argument;
    EXPECT_EQ(wrong.status, status) << shown << "\n" << wrong.err;
    for (const std::string& text : says) EXPECT_THAT(wrong.err, HasSubstr(text)) << shown;
    EXPECT_FALSE(fs::exists(temp / "run/model")) << shown;
    EXPECT_FALSE(fs::exists(temp / "run/adapter")) << shown;
    EXPECT_FALSE(fs::exists(temp / "run/heal.json")) << shown;
    const bool before_work = status == 2 || status == 3;
    EXPECT_FALSE(before_work && fs::exists(temp / "run")) << shown;
  }

  std::string file(const std::string& name, const std::string& content) { return write(temp / name, content).string(); }
};

TEST_F(HealInputTest, RowsThatCannotBeLearntFrom) {
  const std::string model = pruned(tiny("llama-gqa"), "1");
  const auto row = [](size_t length) {
    return Json{{"input_ids", std::vector<int>(length, 3)}, {"labels", std::vector<int>(length, 3)}}.dump() + "\n";
  };
  const auto expect = [&](const std::string& data, const std::vector<std::string>& says, const Arguments& more = {}) {
    expect_refused(model, Arguments{"--data", data, "--steps", "1"} + more, 3, says);
  };
  expect_refused(kNovelist, {"--steps", "1", "--data", file("fields.jsonl", "{\"question\": \"a\"}\n")}, 3,
                 {"fields.jsonl", "question"});
  expect(file("text.jsonl", "{\"text\": \"a\"}\n"), {"no tokenizer"});
  expect(file("second.jsonl", row(5) + R"({"labels": [1, 2]})"
                                       "\n"),
         {"second.jsonl", "line 2"});
  expect(file("empty.jsonl", ""), {"empty.jsonl", "empty"});
  expect(file("masked.jsonl", R"({"input_ids": [1, 2, 3], "labels": [-100, -100, -100]})"
                              "\n"),
         {"masked.jsonl"});
  expect(file("one.jsonl", R"({"input_ids": [1], "labels": [1]})"
                           "\n"),
         {"one.jsonl"});
  expect(file("long.jsonl", row(5) + row(65)), {"long.jsonl", "line 2", "64"});
  expect(file("longer.jsonl", row(5) + row(17)), {"longer.jsonl", "line 2", "16"}, {"--length", "16"});
  expect(file("id.jsonl", R"({"input_ids": [1, 48], "labels": [1, 48]})"
                          "\n"),
         {"id.jsonl", "line 1", "48"});
  expect(file("label.jsonl", R"({"input_ids": [1, 2], "labels": [1, -1]})"
                             "\n"),
         {"label.jsonl", "line 1"});
  expect(file("fewer.jsonl", R"({"input_ids": [1, 2], "labels": [1]})"
                             "\n"),
         {"fewer.jsonl", "line 1"});
  expect(file("broken.jsonl", row(5) + "{\"input_ids\": [\n"), {"broken.jsonl", "line 2"});
  expect(in("nowhere.jsonl"), {"nowhere.jsonl"});
  expect(rows(4), {"held.jsonl"}, {"--validation", file("held.jsonl", "")});
  fs::create_directory(temp / "splits");
  rows(4, 48, "splits/train-00000-of-00001.jsonl");
  rows(4, 48, "splits/notes.jsonl");
  healed({model, "--data", in("splits"), "--steps", "1", "--warmup", "0", "-q", "-o", in("all")});
  rows(4, 48, "splits/test.jsonl");
  expect(in("splits"), {"splits", "train-00000-of-00001.jsonl", "test.jsonl", "--data", "--validation"});
}

// What cannot be written down cannot be gone on with.
TEST_F(HealInputTest, NamesThatAreNotUtf8) {
  const std::string named = pruned(tiny("llama-gqa"), "1", "caf\xe9");
  expect_refused(named, {"--data", rows(4), "--steps", "1"}, 2, {"UTF-8", "caf"});
}

// Windows of a text are longer than the rows that are trained on here, and fewer of them fit at once.
TEST_F(HealInputTest, WhatIsMeasuredDoesNotDependOnTheMemory) {
  const std::string data = rows(8, 4096), text = file("text.txt", read_text(kHeldOut).substr(0, 3000));
  std::vector<double> measured;
  for (const char* at_once : {"1", "8"}) {
    healed({kNovelist, "-o", in("run"), "--data", data, "--text", "text=" + text, "--steps", "1", "--warmup", "0",
            "--micro-batch", at_once, "-q"});
    measured.push_back(read_json(temp / "run/heal.json")["before"]["perplexity"]["text"]);
    fs::remove_all(temp / "run");
  }
  EXPECT_NEAR(measured[0] / measured[1], 1, 1e-5);
}

TEST_F(HealInputTest, SettingsThatMakeNoSense) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(4);
  const struct {
    Arguments more;
    std::string says;
  } mistakes[] = {
      {{"--lr", "0"}, "--lr"},
      {{"--lr", "-1"}, "--lr"},
      {{"--lr", "nan"}, "--lr"},
      {{"--lr", "inf"}, "--lr"},
      {{"--lr", "2"}, "--lr"},
      {{"--rank", "0"}, "--rank"},
      {{"--rank", "5000"}, "--rank"},
      {{"--alpha", "nan"}, "--alpha"},
      {{"--dropout", "1"}, "--dropout"},
      {{"--dropout", "nan"}, "--dropout"},
      {{"--steps", "0"}, "--steps"},
      {{"--batch", "0"}, "--batch"},
      {{"--betas", "0.9"}, "--betas"},
      {{"--betas", "0.9,1"}, "--betas"},
      {{"--clip", "0"}, "--clip"},
      {{"--weight-decay", "nan"}, "--weight-decay"},
      {{"--min-lr-ratio", "2"}, "--min-lr-ratio"},
      {{"--targets", "q_proj,lm_head"}, "lm_head"},
      {{"--objective", "mse"}, "mse"},
      {{"--schedule", "step"}, "step"},
      {{"--method", "dora"}, "dora"},
      {{"--recompute", "maybe"}, "maybe"},
      {{"--keep", "all"}, "all"},
      {{"--max-memory", "much"}, "--max-memory"},
      {{"--objective", "kd", "--temperature", "0"}, "--temperature"},
      {{"--objective", "kd", "--kd-weight", "1.5"}, "--kd-weight"},
      {{"--kd-weight", "0.5"}, "only with --objective kd"},
      {{"--method", "full", "--rank", "4"}, "only with --method lora"},
      {{"--samples", "4"}, "only with --data self"},
      {{"--validation", "4"}, "--validation"},
      {{"--validation", "99999999999999999999999"}, "--validation"},
      {{"--keep", "best"}, "--validation"},
      {{"--early-stop", "2"}, "--validation"},
      {{"--clip", "inf"}, "--clip"},
      {{"--init-adapter", "x", "--method", "full"}, "--init-adapter"},
      {{"--length", "65"}, "at most 64"},
      {{"--dtype", "fp16"}, "bf16"},
      {{"--epochs", "1", "--steps", "1"}, "--epochs"},
      {{"--data", "self"}, "self alone"},
      {{"--loss-average", "micro"}, "--micro-batch"},
      {{"--loss-average", "micro", "--micro-batch", "2", "--no-pack"}, "--no-pack"},
      {{"--eval-every", "5"}, "--eval-every"},
      {{"--train-on-prompt"}, "--train-on-prompt"},
  };
  for (const auto& mistake : mistakes)
    expect_refused(model, Arguments{"--data", data} + mistake.more, 2, {mistake.says});
  EXPECT_EQ(heal({model, "--data", data, "-q"}).status, 2) << "without -o";
  EXPECT_EQ(heal({"--resume", in("nothing"), "-q"}).status, 3);
  fs::create_directory(temp / "folder");
  const Outcome nothing = heal({"--resume", in("folder"), "-q"});
  EXPECT_EQ(nothing.status, 3);
  EXPECT_THAT(nothing.err, HasSubstr("no run to continue"));
}

TEST_F(HealInputTest, TeachersThatAreNotTheParent) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(4);
  const Arguments taught = {"--data", data, "--objective", "kd", "--steps", "1", "--warmup", "0", "--teacher"};
  expect_refused(model, taught + Arguments{tiny("llama-tied")}, 3, {"llama-tied", "another vocabulary", "48", "64"});
  expect_refused(model, taught + Arguments{tiny("mistral-window")}, 3, {"mistral-window", "not the parent"});
  expect_refused(tiny("llama-gqa"), {"--data", data, "--objective", "kd"}, 2, {"--teacher"});
}

// Where no record says who the parent is, its tokenizer tells what its numbers stand for.
TEST_F(HealInputTest, ATeacherOfOtherTokens) {
  const fs::path model = pruned(kNovelist, "4-23"), teacher = temp / "teacher";
  fs::remove(model / "shorten.json");
  fs::copy(kNovelist, teacher);
  const Arguments taught = {"--data", rows(4, 4096), "--objective", "kd", "--steps",   "1",
                            "--lr",   "1e-2",        "--warmup",    "0",  "--teacher", teacher.string()};
  const Outcome trained = healed(Arguments{model.string(), "-o", in("run")} + taught);
  EXPECT_THAT(trained.err, HasSubstr("cannot be checked"));
  Json tokenizer = read_json(teacher / "tokenizer.json");
  Json& vocabulary = tokenizer["model"]["vocab"];
  const auto first = std::next(vocabulary.begin(), 1000), second = std::next(first);
  std::swap(first.value(), second.value());
  write(teacher / "tokenizer.json", tokenizer.dump());
  expect_refused(model.string(), taught, 3, {"teacher", "another vocabulary", "token 1000"});
}

// The rotation of the teacher is its own, and another one makes another model of the same weights.
TEST_F(HealInputTest, ATeacherComputesItsOwnWay) {
  const std::string model = tiny("llama-gqa");
  fs::copy(model, temp / "teacher");
  const Json sound = read_json(temp / "teacher/config.json");
  // How far the teacher is from the model, with either method.
  const auto distance = [&](const Json& config) {
    write(temp / "teacher/config.json", config.dump());
    std::vector<double> kd;
    for (const char* method : {"full", "lora"}) {
      healed({model,         "--data",   rows(4),    "--objective", "kd",   "--kd-weight", "0.5",
              "--steps",     "1",        "--warmup", "0",           "--lr", "1e-2",        "--teacher",
              in("teacher"), "--method", method,     "--force",     "-q",   "-o",          in("run")});
      kd.push_back(log_of(temp / "run").front()["kd"].get<double>());
    }
    EXPECT_NEAR(kd[0], kd[1], 1e-7);
    // The rotation is no part of the weights; eps goes with them.
    EXPECT_EQ(read_json(temp / "run/heal.json")["shared_weights"], config["rms_norm_eps"] == sound["rms_norm_eps"]);
    return kd[0];
  };
  EXPECT_NEAR(distance(sound), 0, 1e-9);
  for (const auto& [key, value] :
       {std::pair<const char*, Json>{"/rms_norm_eps", 0.5}, {"/rope_parameters/rope_theta", 10.0}}) {
    Json other = sound;
    other[Json::json_pointer(key)] = value;
    EXPECT_GT(distance(other), 1e-6) << key;
  }
}

// Text for a tokenizer that has no BOS token; and rows as long as the ready ones, whatever else is cut.
TEST_F(HealInputTest, TextsBesideReadyRows) {
  const std::string model = pruned(kNovelist, "4-27");
  Json config = read_json(model + "/tokenizer_config.json");
  config.erase("bos_token");
  write(model + "/tokenizer_config.json", config.dump());
  std::string sentences;
  for (int i = 0; i < 20; ++i) sentences += "The clerk walked home. It was late, and the rain had stopped.\n";
  const std::string text = file("text.txt", sentences);
  healed({model, "--data", rows(4, 4096), "--steps", "1", "--warmup", "0", "--validation", text, "--text",
          "beside=" + text, "-q", "-o", in("run")});
  const Json report = read_json(temp / "run/heal.json");
  EXPECT_LE(report["settings"]["length"], 21);
  EXPECT_TRUE(report["after"]["perplexity"]["beside"].is_number());
  EXPECT_TRUE(report["after"]["loss"].is_number());
}

TEST_F(HealInputTest, MastersBeginAsTheFileHasThem) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(8);
  const Outcome still = heal({model, "-o", in("run"), "--method", "full", "--objective", "ce", "--data", data,
                              "--dtype", "bf16", "--steps", "1", "--warmup", "0", "--lr", "1e-30", "-q"});
  EXPECT_EQ(still.status, 6) << still.err;  // rounding to bf16 is no training
}

TEST_F(HealInputTest, TrainingThatCameToNothing) {
  const std::string model = pruned(tiny("llama-gqa"), "1");
  expect_refused(model, {"--data", rows(4), "--steps", "1", "--warmup", "100"}, 6, {"moved no weight", "--warmup"});

  // Weights so large that no logit is finite.
  with_huge(model, "lm_head.weight", temp / "huge");
  expect_refused(in("huge"), {"--data", rows(8), "--steps", "20", "--batch", "2", "--lr", "1"}, 7,
                 {"step 1, rows", "skipped", "diverges", "step 10", "--lr"});
  // Measured values that are not finite are kept and read back, too.
  expect_refused(
      in("huge"),
      {"--data", rows(8), "--validation", rows(4), "--steps", "20", "--batch", "2", "--lr", "1", "--eval-every", "1"},
      7, {"diverges"});
  EXPECT_EQ(heal({"--resume", in("run"), "-q"}).status, 7);
}

TEST_F(HealInputTest, TooLittleMemoryIsSaid) {
  const std::string data = rows(4, 4096);
  expect_refused(kNovelist, {"--data", data, "--steps", "1", "--max-memory", "1MB"}, 5,
                 {"does not fit into memory", "MB for weights", "1.00 MB", "--length"});
  EXPECT_FALSE(fs::exists(temp / "run")) << "nothing to go on with";
}

TEST_F(HealInputTest, TrainingGoesOnFromAnAdapter) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(8);
  const Arguments common = {model,        "--data",   data,        "--batch", "8",  "--warmup", "0",
                            "--schedule", "constant", "--dropout", "0",       "-q", "-o"};
  healed(common +
         Arguments{in("eleven"), "--steps", "11", "--lr", "1e-2", "--rank", "4", "--targets", "q_proj,up_proj"});
  healed(common + Arguments{in("ten"), "--steps", "10", "--lr", "1e-2", "--rank", "4", "--targets", "q_proj,up_proj"});
  healed(common + Arguments{in("on"), "--steps", "1", "--lr", "1e-4", "--init-adapter", in("ten/adapter")});
  const std::vector<double> losses = losses_of(temp / "eleven");
  EXPECT_LT(losses.back(), losses.front() - 0.01);
  EXPECT_NEAR(losses_of(temp / "on").front(), losses.back(), 1e-6);
  EXPECT_EQ(read_json(temp / "on/heal.json")["settings"]["rank"], 4);
  EXPECT_EQ(read_json(temp / "on/adapter/adapter_config.json")["r"], 4);
}

TEST_F(HealInputTest, AdaptersThatDoNotFit) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(8);
  healed({model, "--data", data, "--steps", "1", "--warmup", "0", "-q", "-o", in("first")});
  const fs::path good = temp / "first/adapter", bad = temp / "bad";
  const Arguments from = {"--data", data, "--steps", "1", "--warmup", "0", "--init-adapter", bad.string()};
  const auto expect = [&](int status, const std::vector<std::string>& says) {
    expect_refused(model, from, status, says);
    fs::remove_all(bad);
  };
  // The adapter with its tensors changed: one left out, cut, or made NaN.
  const auto rewrite = [&](const std::function<void(std::vector<checkpoint::Tensor>&)>& change) {
    fs::copy(good, bad);
    const checkpoint::SafetensorsFile file(good / "adapter_model.safetensors");
    std::vector<checkpoint::Tensor> tensors(file.tensors().begin(), file.tensors().end());
    change(tensors);
    fs::remove(bad / "adapter_model.safetensors");
    checkpoint::write_safetensors(bad / "adapter_model.safetensors", tensors, {});
  };
  rewrite([](auto& tensors) { tensors.pop_back(); });
  expect(3, {"adapter_model.safetensors", "lora_B"});
  rewrite([](auto& tensors) {
    tensors[0].shape[0] /= 2;
    tensors[0].bytes = tensors[0].bytes.subspan(0, tensors[0].bytes.size() / 2);
  });
  expect(3, {"adapter_model.safetensors", "lora_A"});
  std::vector<float> nan;
  rewrite([&](auto& tensors) {
    nan.assign(tensors[0].numel(), std::nanf(""));
    tensors[0].bytes = std::as_bytes(std::span(nan));
  });
  expect(3, {"adapter_model.safetensors", "NaN"});
  const auto edit = [&](const char* name, const std::string& key, const Json& value) {
    fs::copy(good, bad);
    Json json = read_json(bad / name);
    json[key] = value;
    write(bad / name, json.dump());
  };
  edit("adapter_config.json", "use_dora", true);
  expect(4, {"adapter_config.json", "use_dora"});
  edit("adapter_config.json", "r", 0);
  expect(3, {"adapter_config.json", "r"});
  edit("shorten.json", "base", {{"path", "/x"}, {"fingerprint", "sha256:" + std::string(64, 'a')}});
  expect(3, {"shorten.json", "base"});
  expect(3, {"bad"});  // no such folder
  expect_refused(model, {"--data", data, "--init-adapter", good.string(), "--rank", "4"}, 2, {"--rank"});
}

TEST_F(HealInputTest, LayoutsAndRecomputingChangeNothing) {
  for (const char* name : {"llama-gqa", "mistral-window", "qwen3-bias"}) {
    const std::string model = pruned(tiny(name), "1", name), data = rows(12);
    const Arguments common = {model,      "--data",    data,   "--steps", "6",           "--batch", "12",
                              "--warmup", "1",         "--lr", "1e-2",    "--objective", "kd",      "--hidden-weight",
                              "0.1",      "--dropout", "0.2",  "-q",      "-o"};
    const std::vector<Arguments> ways = {{},
                                         {"--no-pack"},
                                         {"--recompute", "on"},
                                         {"--micro-batch", "1"},
                                         {"--no-pack", "--micro-batch", "5", "--recompute", "off"}};
    std::vector<double> expected;
    for (size_t i = 0; i < ways.size(); ++i) {
      const std::string run = in(std::string(name) + "-run" + std::to_string(i));
      healed(common + Arguments{run} + ways[i]);
      const std::vector<double> losses = losses_of(run);
      if (i == 0) expected = losses;
      ASSERT_EQ(losses.size(), expected.size());
      for (size_t s = 0; s < losses.size(); ++s)
        EXPECT_NEAR(losses[s] / expected[s], 1, 1e-5) << name << ", way " << i << ", step " << s;
    }
  }
}

TEST_F(HealInputTest, WithoutDataTheParentWritesIt) {
  const std::string model = pruned(kNovelist, "4-23"), run = in("run");
  const Arguments few = {model, "--steps", "2", "--batch", "2", "--length", "16", "--warmup", "0"};
  const Outcome shown = healed(few + Arguments{"--show-data", "1"});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("row 0"), Not(HasSubstr("row 1"))));
  EXPECT_EQ(names_in(temp.path()), (std::set<std::string>{"cache", "short"})) << "nothing was trained";
  const std::set<std::string> cached = names_in(temp / "cache/shorten");
  ASSERT_EQ(cached.size(), 1u);
  const fs::path cache = temp / "cache/shorten" / *cached.begin();

  const Outcome first = healed(few + Arguments{"-o", run});
  EXPECT_THAT(first.err, HasSubstr("wrote before is used: " + cache.string()));
  const Json report = read_json(fs::path(run) / "heal.json");
  EXPECT_EQ(report["settings"]["objective"], "kd");
  EXPECT_EQ(report["data"][0]["kind"], "self");
  EXPECT_EQ(report["rows"], 4);

  const std::string whole = read_text(cache);
  for (const std::string& damaged :
       {whole.substr(0, whole.size() - 20), std::string(""), std::string("{\"self\": 1}")}) {
    write(cache, damaged);
    const Outcome again = healed(few + Arguments{"-o", run, "--force"});
    EXPECT_THAT(again.err, AllOf(HasSubstr("the text is written again"), HasSubstr(cache.filename().string())));
    EXPECT_TRUE(read_text(cache) == whole) << "made again";
  }
  EXPECT_EQ(read_json(fs::path(run) / "heal.json")["rows_sha256"], report["rows_sha256"]);

  const Outcome text = shorten({"generate", run + "/model", "--prompt", "The clerk", "--max-new-tokens", "3", "-q"});
  EXPECT_EQ(text.status, 0) << text.err;
}

TEST_F(HealInputTest, ScoresOnOwnTextAreTheSameEachTime) {
  const Arguments score = {"score",       pruned(kNovelist, "4-27"),
                           "--criterion", "bi",
                           "--text",      "self",
                           "--samples",   "2",
                           "--length",    "16",
                           "--json",      "-q"};
  const Outcome first = shorten(score), second = shorten(score);
  fs::remove_all(temp / "cache");
  const Outcome third = shorten(score);
  ASSERT_EQ(first.status, 0) << first.err;
  for (const Outcome& other : {second, third})
    EXPECT_EQ(Json::parse(first.out)["criteria"], Json::parse(other.out)["criteria"]);
  EXPECT_EQ(Json::parse(first.out)["calibration"]["tokens_sha256"],
            Json::parse(third.out)["calibration"]["tokens_sha256"]);
}

}  // namespace
}  // namespace shorten::test
