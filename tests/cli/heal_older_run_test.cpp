// SPDX-License-Identifier: Apache-2.0
// A run that an older version began goes on. tests/cli/golden/run-0.1.0 is what version 0.1.0 of November 2026 left of
//   shorten prune /proc/self/cwd/parent --drop 1 -o short
// and of command() below, stopped by SIGINT; parent is tests/golden/models/llama-gqa. A run knows its models by
// absolute names, and /proc/self/cwd is one that holds wherever the folder is copied to. Do not make it anew: a setting
// that this version did not have needs `older` in recipe/settings_table.cpp.
#include "cli/heal.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

class OlderRunTest : public HealTest {
 protected:
  OlderRunTest() {
    fs::copy(source_dir() / "tests/cli/golden/run-0.1.0", temp.path(), fs::copy_options::recursive);
    fs::copy(tiny("llama-gqa"), temp / "parent");
    fs::current_path(temp.path());
    pruned("/proc/self/cwd/parent", "1");
  }
  ~OlderRunTest() override { fs::current_path(before_); }

  static Arguments command(const std::string& run) {
    return {"/proc/self/cwd/short",
            "-o",
            run,
            "--data",
            "/proc/self/cwd/rows.jsonl",
            "--objective",
            "kd",
            "--steps",
            "40",
            "--batch",
            "8",
            "--rank",
            "2",
            "--targets",
            "q_proj,down_proj",
            "--dropout",
            "0.1",
            "--save-every",
            "3",
            "--lr",
            "1e-2",
            "--warmup",
            "4",
            "--validation",
            "2",
            "--eval-every",
            "10",
            "--device",
            "cpu",
            "-q"};
  }

  void expect_finished(const Json& changed = Json::object()) const {
    const std::vector<double> losses = losses_of(temp / "run");
    ASSERT_EQ(losses.size(), 40u);
    EXPECT_NEAR(losses.back(), 0.414170210187392, 1e-4) << "as 0.1.0 ends it";
    const Json report = read_json(temp / "run/heal.json");
    EXPECT_NEAR(report["after"]["loss"].get<double>(), 4.7082306543986006, 1e-4);
    Json settings = saved_["settings"];
    settings.update(changed);
    for (const auto& [key, value] : settings.items()) EXPECT_EQ(report["settings"][key], value) << key;
  }

  const Json saved_ = read_json(source_dir() / "tests/cli/golden/run-0.1.0/run/state/run.json");

 private:
  const fs::path before_ = fs::current_path();
};

TEST_F(OlderRunTest, ItGoesOn) {
  healed({"--resume", "run", "-q"});
  expect_finished();
}

TEST_F(OlderRunTest, ItGoesOnWithTheCommandThatBeganIt) {
  const Outcome other = heal(command("run") + Arguments{"--resume", "--clip", "2"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("--clip"));
  healed(command("run") + Arguments{"--resume", "--micro-batch", "3"});
  expect_finished({{"micro_batch", 3}});
  EXPECT_THAT(healed(command("run") + Arguments{"--resume"}).out, HasSubstr("finished already"));
}

TEST_F(OlderRunTest, TheSameCommandIsUnderstoodTheSame) {
  healed(command("again"));
  const Json again = read_json(temp / "again/heal.json");
  for (const auto& [key, value] : saved_["settings"].items()) EXPECT_EQ(again["settings"][key], value) << key;
  for (const auto& [option, value] : saved_["asked"].items()) EXPECT_EQ(again["asked"][option], value) << option;
  for (const char* key : {"rows_sha256", "data", "model", "teacher"})
    EXPECT_EQ(again[key], saved_["facts"][key]) << key;
}

}  // namespace
}  // namespace shorten::test
