// SPDX-License-Identifier: Apache-2.0
// What may have happened to a run before it is to go on: a full disk, damaged files, other options. It ends with the
// same bytes, or says what is wrong.
#include <sys/file.h>

#include "cli/heal.h"
#include "file_size_limit.h"

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A run that was interrupted with both slots there, made once; each test has a copy.
class InterruptedTest : public HealTest {
 protected:
  static constexpr int kSteps = 60;

  static void SetUpTestSuite() { made_ = new Made; }
  static void TearDownTestSuite() { delete made_; }

  void SetUp() override {
    ASSERT_EQ(made_->status, 75);
    fs::copy(made_->temp / "run", run, fs::copy_options::recursive);
    for (const char* name : {"slot-a.safetensors", "slot-b.safetensors"}) slots.push_back(run / "state" / name);
    if (step(slots[1]) > step(slots[0])) std::swap(slots[0], slots[1]);  // the newer one first
    ASSERT_LT(step(slots[1]), step(slots[0]));
  }

  static int64_t step(const fs::path& slot) {
    return std::stoll(checkpoint::SafetensorsFile(slot).metadata().at("step"));
  }

  void expect_the_same_end() { expect_same_run(made_->temp / "whole", run); }

  fs::path run = temp / "run";
  std::vector<fs::path> slots;

  struct Made : HealTest {
    Made() {
      const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(40);
      healed(training(model, data, in("whole"), kSteps));
      status = heal_with_signal(training(model, data, in("run"), kSteps), in("run"), SIGTERM, 10);
    }
    void TestBody() override {}
    using HealTest::temp;
    int status = 0;
  };
  static inline Made* made_ = nullptr;
};

TEST_F(InterruptedTest, AFullDiskKeepsTheLastState) {
  const std::string newest = read_text(slots[0]);
  {
    const FileSizeLimit limit(newest.size() / 2);
    const Outcome full = heal({"--resume", run.string(), "-q"});
    EXPECT_EQ(full.status, 5) << full.err;
    EXPECT_THAT(full.err, AllOf(HasSubstr("slot-"), HasSubstr("shorten heal --resume " + run.string())));
  }
  EXPECT_TRUE(read_text(slots[0]) == newest);
  EXPECT_FALSE(fs::exists(run / "model"));
  EXPECT_FALSE(fs::exists(run / "adapter"));
  healed({"--resume", run.string(), "-q"});
  expect_the_same_end();
}

TEST_F(InterruptedTest, ASlotCutShortIsPassedOver) {
  fs::resize_file(slots[0], fs::file_size(slots[0]) / 2);
  const std::string older = std::to_string(step(slots[1]));
  const Outcome run_on = healed({"--resume", run.string()});
  EXPECT_THAT(run_on.err, AllOf(HasSubstr(slots[0].filename().string()), HasSubstr("damaged"),
                                HasSubstr("after step " + older + " of 60")));
  expect_the_same_end();
}

TEST_F(InterruptedTest, ASlotWithAFlippedBitIsPassedOver) {
  std::string bytes = read_text(slots[0]);
  bytes[bytes.size() - 100] ^= 4;
  write(slots[0], bytes);
  const Outcome run_on = healed({"--resume", run.string(), "-q"});
  EXPECT_THAT(run_on.err, AllOf(HasSubstr(slots[0].filename().string()), HasSubstr("damaged")));
  expect_the_same_end();
}

TEST_F(InterruptedTest, WithoutAWholeSlotItIsSaid) {
  for (const fs::path& slot : slots) fs::resize_file(slot, 20);
  const Outcome lost = heal({"--resume", run.string(), "-q"});
  EXPECT_EQ(lost.status, 3);
  EXPECT_THAT(lost.err, HasSubstr("no saved state is whole"));
}

TEST_F(InterruptedTest, TheMergedModelCanBeLeftOut) {
  healed({"--resume", run.string(), "--no-merge", "-q"});
  EXPECT_TRUE(fs::exists(run / "adapter") && fs::exists(run / "heal.json"));
  EXPECT_FALSE(fs::exists(run / "model"));
}

TEST_F(InterruptedTest, ASettingThatWasEditedIsRefused) {
  std::string text = read_text(run / "state/run.json");
  const size_t at = text.find("\"lr\": ");
  ASSERT_NE(at, std::string::npos);
  text.insert(at + 6, " 0.5, \"other\":");
  write(run / "state/run.json", text);
  const Outcome refused = heal({"--resume", run.string(), "-q"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("damaged"));
}

TEST_F(InterruptedTest, OneProcessAtATime) {
  const int lock = ::open((run / "state/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  for (const Arguments& arguments :
       {Arguments{"--resume", run.string()},
        training((made_->temp / "short").string(), (made_->temp / "rows.jsonl").string(), run.string(), kSteps) +
            Arguments{"--force"}}) {
    const Outcome second = heal(arguments);
    EXPECT_EQ(second.status, 2);
    EXPECT_THAT(second.err, HasSubstr("another process"));
  }
  ::close(lock);
  healed({"--resume", run.string(), "-q"});
  expect_the_same_end();
}

TEST_F(InterruptedTest, LinesOfTheLogMayBeLost) {
  std::string log = read_text(run / "train.jsonl");
  const size_t second = log.find('\n') + 1;
  write(run / "train.jsonl", log.replace(second, 5, 5, '\0'));
  const Outcome run_on = healed({"--resume", run.string()});
  EXPECT_THAT(run_on.err, HasSubstr("the lines of steps 2 to"));
  EXPECT_EQ(log_of(run).front()["step"], 1);
  EXPECT_EQ(log_of(run).back()["step"], kSteps);
  for (const char* file : {"adapter/adapter_model.safetensors", "model/model.safetensors"})
    EXPECT_TRUE(read_text(run / file) == read_text(made_->temp / "whole" / file)) << file;
}

// Whoever ran out of memory may go on with less at once.
TEST_F(InterruptedTest, LessAtOnceIsAllowed) {
  healed({"--resume", run.string(), "--micro-batch", "1", "--recompute", "on", "-q"});
  const Json report = read_json(run / "heal.json");
  EXPECT_EQ(report["micro_batch"], 1);
  EXPECT_EQ(report["recompute"], true);
  const std::vector<double> losses = losses_of(run), whole = losses_of(made_->temp / "whole");
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(losses[i] / whole[i], 1, 1e-3) << i;
}

TEST_F(InterruptedTest, AFinishedRunIsShownToWhoBeganItOnly) {
  healed({"--resume", run.string(), "-q"});
  const std::string model = (made_->temp / "short").string(), data = (made_->temp / "rows.jsonl").string();
  const Arguments same = training(model, data, run.string(), kSteps) + Arguments{"--resume"};
  EXPECT_THAT(healed(same).out, HasSubstr("finished already"));
  Arguments other = same;
  other[0] = tiny("llama-gqa");
  EXPECT_EQ(heal(other).status, 2);
  EXPECT_EQ(heal(same + Arguments{"--teacher", tiny("llama-gqa")}).status, 2);
}

TEST_F(InterruptedTest, WhatCouldNotReplaceItLeavesNothingInTheWay) {
  const Arguments anew =
      training((made_->temp / "short").string(), (made_->temp / "rows.jsonl").string(), run.string(), kSteps) +
      Arguments{"--force"};
  EXPECT_EQ(heal(anew + Arguments{"--max-memory", "1"}).status, 5);
  EXPECT_TRUE(fs::exists(run / "train.jsonl"));  // what it had made stays
  EXPECT_EQ(heal({"--resume", run.string()}).status, 3);
  healed(anew);
  expect_the_same_end();
}

// Nothing in run.json makes the program fall over.
TEST_F(InterruptedTest, ADamagedRunFileIsRefused) {
  const fs::path file = run / "state/run.json";
  const Json sound = read_json(file);
  const auto expect = [&](const std::string& content, const std::string& what) {
    write(file, content);
    const Outcome damaged = heal({"--resume", run.string(), "-q"});
    EXPECT_EQ(damaged.status, 3) << what << "\n" << damaged.err;
    EXPECT_THAT(damaged.err, HasSubstr("  file "));
  };
  const std::string text = sound.dump(1);
  expect("", "empty");
  expect(text.substr(0, text.size() / 2), "cut short");
  for (const char* key : {"format", "model", "fingerprint", "kept", "settings", "texts", "identity", "merge", "compute",
                          "record", "facts", "asked"}) {
    Json damaged = sound;
    damaged.erase(key);
    expect(damaged.dump(), std::string("without ") + key);
  }
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"kept", {"a", 1, 2}},
                                                                            {"kept", {0, 2, 99}},
                                                                            {"kept", {0, 2, -1}},
                                                                            {"texts", {1}},
                                                                            {"facts", Json::object()},
                                                                            {"settings", {{"rank", "x"}}},
                                                                            {"model", 5},
                                                                            {"version", 99},
                                                                            {"merge", false},
                                                                            {"identity", "other"}}) {
    Json damaged = sound;
    damaged[key] = value;
    expect(damaged.dump(), key + ": " + value.dump());
  }
  write(file, sound.dump());
  healed({"--resume", run.string(), "-q"});
  expect_the_same_end();
}

// What else may be wrong when a run is to go on.
TEST_F(InterruptedTest, MistakesInGoingOnAreNamed) {
  const std::string model = (made_->temp / "short").string(), data = (made_->temp / "rows.jsonl").string();
  const Arguments same = training(model, data, run.string(), kSteps) + Arguments{"--resume"};
  const auto expect = [](const Arguments& arguments, int status, const std::string& says) {
    const Outcome wrong = heal(arguments);
    EXPECT_EQ(wrong.status, status) << wrong.err;
    EXPECT_THAT(wrong.err, HasSubstr(says));
  };
  expect({"--resume", run.string(), "--lr", "0.5"}, 2, "--lr");
  expect({"--resume", run.string(), "--data", data}, 2, "--data");
  Arguments other = same;
  *std::find(other.begin(), other.end(), "1e-2") = "2e-2";
  expect(other, 2, "lr");
  expect(same + Arguments{"--seed", "5"}, 2, "seed");
  Arguments moved = same;  // the same file by another name gets as far as the next mistake
  *std::find(moved.begin(), moved.end(), data) = (made_->temp / "." / "rows.jsonl").string();
  *std::find(moved.begin(), moved.end(), "1e-2") = "2e-2";
  expect(moved, 2, "other settings");
  *std::find(moved.begin(), moved.end(), (made_->temp / "." / "rows.jsonl").string()) =
      write(temp / "copy.jsonl", read_text(data)).string();
  expect(moved, 2, "other settings");
  expect(same + Arguments{"--teacher", tiny("llama-gqa")}, 2, "--teacher");
  expect(same + Arguments{"--validation", "4"}, 2, "--validation");
  rows(40, 48, "other.jsonl", 5);
  Arguments others = same;
  *std::find(others.begin(), others.end(), data) = in("other.jsonl");
  expect(others, 2, "--data");
  other = same;
  other[0] = tiny("llama-gqa");
  expect(other, 2, "another model");
  const std::string stored = read_text(run / "state/rows.safetensors");
  fs::resize_file(run / "state/rows.safetensors", stored.size() - 8);
  expect({"--resume", run.string()}, 3, "rows.safetensors");
  write(run / "state/rows.safetensors", stored);
  const std::string weights = read_text(model + "/model.safetensors");
  std::string altered = weights;
  altered[altered.size() - 1] ^= 1;
  write(model + "/model.safetensors", altered);
  expect({"--resume", run.string()}, 3, "changed");
  write(model + "/model.safetensors", weights);
  healed({"--resume", run.string(), "-q"});
  expect_the_same_end();
}

}  // namespace
}  // namespace shorten::test
