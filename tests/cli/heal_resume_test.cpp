// SPDX-License-Identifier: Apache-2.0
// A run goes on after it was killed or stopped, and ends with the same bytes.
#include <sched.h>

#include <chrono>

#include "cli/heal.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

TEST_F(HealTest, KilledAtAnyMomentItEndsTheSame) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(40), run = in("run");
  const auto start = std::chrono::steady_clock::now();
  healed(training(model, data, in("whole"), 60));
  const auto whole =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start).count();
  std::mt19937 random(20);
  int while_training = 0;
  const auto compare = [&] {
    expect_same_run(in("whole"), run);
    for (const std::string& name : names_in(run)) EXPECT_NE(name[0], '.') << name << " was left behind";
    EXPECT_FALSE(fs::exists(fs::path(run) / "state"));
    fs::remove_all(run);
  };
  for (int kills = 0, turn = 0; kills < 20; ++turn) {
    const bool alone = turn % 2 == 0 && fs::exists(fs::path(run) / "state/run.json");
    const Arguments arguments =
        alone ? Arguments{"--resume", run, "-q"} : training(model, data, run, 60) + Arguments{"--resume"};
    const std::chrono::milliseconds delay(random() % static_cast<unsigned>(whole));
    const int status = shorten_with_signal(Arguments{"heal"} + arguments, SIGKILL, delay);
    ASSERT_TRUE(status == 0 || status == 128 + SIGKILL) << status << heal(arguments).err;
    if (status == 0) {
      compare();
      continue;
    }
    ++kills;
    const size_t steps = log_of(run).size();
    if (steps > 0 && steps < 60) ++while_training;
  }
  EXPECT_GE(while_training, 5);
  healed(training(model, data, run, 60) + Arguments{"--resume"});
  compare();
}

// Killed before it could be resumed, whatever it had written by then is no obstacle.
TEST_F(HealTest, WhatNeverBeganIsBegunAnew) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(40), run = in("run");
  healed(training(model, data, in("whole"), 4));
  fs::create_directories(fs::path(run) / "state");
  for (const char* name : {"rows.safetensors", ".rows.safetensors.tmp-abcdef", "slot-a.safetensors", "lock"})
    write(fs::path(run) / "state" / name, "cut short");
  healed(training(model, data, run, 4) + Arguments{"--resume"});
  expect_same_run(in("whole"), run);
}

TEST_F(HealTest, InAnotherFolderTheSameNamesAreOthers) {
  const fs::path before = fs::current_path(), here = temp / "here", there = temp / "there";
  fs::create_directory(here);
  fs::create_directory(there);
  const std::string data = rows(40), other_data = rows(40, 48, "other.jsonl", 2);
  const std::string model = pruned(tiny("llama-gqa"), "1"), other = pruned(tiny("llama-gqa"), "0", "other");
  const Arguments run = training("short", "rows.jsonl", in("run"), 2) + Arguments{"--teacher", tiny("llama-gqa")};
  const auto copy = [&](const std::string& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  };
  copy(model, here / "short");
  copy(data, here / "rows.jsonl");
  fs::current_path(here);
  healed(run);
  fs::current_path(there);
  copy(other, there / "short");
  copy(data, there / "rows.jsonl");
  EXPECT_THAT(heal(run + Arguments{"--resume"}).err, HasSubstr("another model"));
  copy(model, there / "short");
  copy(other_data, there / "rows.jsonl");
  EXPECT_THAT(heal(run + Arguments{"--resume"}).err, HasSubstr("another content"));
  copy(data, there / "rows.jsonl");
  EXPECT_THAT(healed(run + Arguments{"--resume"}).out, HasSubstr("finished already"));
  fs::current_path(before);
}

TEST_F(HealTest, StoppedBySignalsItGoesOn) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(40), run = in("run");
  healed(training(model, data, in("whole"), 80));
  EXPECT_EQ(heal_with_signal(training(model, data, run, 80), run, SIGINT, 5), 75);
  EXPECT_EQ(heal_with_signal({"--resume", run}, run, SIGTERM, log_of(run).size() + 6), 75);
  EXPECT_FALSE(fs::exists(fs::path(run) / "model"));
  EXPECT_LT(log_of(run).size(), 80u);
  const Outcome wrong = heal(training(model, data, run, 80));
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--resume"));
  healed({"--resume", run, "-q"});
  expect_same_run(in("whole"), run);
}

// All parameters, a tied head, and the best weights kept beside.
TEST_F(HealTest, FullTrainingGoesOnToo) {
  const std::string model = pruned(tiny("qwen2-tied"), "1"), data = rows(16), held = rows(8, 48, "held.jsonl", 9);
  const auto arguments = [&](const std::string& run) {
    return Arguments{model,  "-o",
                     run,    "--data",
                     data,   "--validation",
                     held,   "--method",
                     "full", "--objective",
                     "kd",   "--kd-weight",
                     "0.5",  "--hidden-weight",
                     "0.1",  "--steps",
                     "40",   "--batch",
                     "8",    "--lr",
                     "5e-2", "--warmup",
                     "2",    "--eval-every",
                     "2",    "--keep",
                     "best", "--save-every",
                     "3",    "-q"};
  };
  healed(arguments(in("whole")));
  EXPECT_EQ(heal_with_signal(arguments(in("run")), in("run"), SIGKILL, 8), 128 + SIGKILL);
  EXPECT_EQ(heal_with_signal({"--resume", in("run")}, in("run"), SIGINT, 20), 75);
  healed({"--resume", in("run"), "-q"});
  expect_same_run(in("whole"), in("run"));
  ASSERT_EQ(fs::exists(temp / "whole/last"), fs::exists(temp / "run/last"));
  EXPECT_TRUE(read_text(temp / "whole/last/model/model.safetensors") ==
              read_text(temp / "run/last/model/model.safetensors"));
}

// The newest slot may be lost when it and the one before speak of different best steps, and a kill may come between the
// weights of a best step and the slot that speaks of it.
TEST_F(HealTest, TheBestWeightsOfTheOlderSlotAreThereToo) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(16), held = rows(8, 48, "held.jsonl", 9);
  const auto arguments = [&](const std::string& run) {
    Arguments all =
        training(model, data, run, 60) + Arguments{"--validation", held, "--eval-every", "1", "--keep", "best"};
    *(std::find(all.begin(), all.end(), "--save-every") + 1) = "1";
    return all;
  };
  healed(arguments(in("whole")));
  EXPECT_EQ(heal_with_signal(arguments(in("run")), in("run"), SIGKILL, 4), 128 + SIGKILL);
  const fs::path state = temp / "run/state";
  const auto step = [](const fs::path& slot) {
    return std::stoll(checkpoint::SafetensorsFile(slot).metadata().at("step"));
  };
  const fs::path a = state / "slot-a.safetensors", b = state / "slot-b.safetensors";
  fs::resize_file(step(a) > step(b) ? a : b, 100);
  write(state / "best-59.safetensors", "what a kill may leave: no slot speaks of it");
  healed({"--resume", in("run"), "-q"});
  expect_same_run(temp / "whole", temp / "run");
  EXPECT_EQ(read_json(temp / "whole/heal.json")["best"], read_json(temp / "run/heal.json")["best"]);
}

// Most of the time goes into measuring here, and that is where the signals arrive.
TEST_F(HealTest, StoppedWhileMeasuringItGoesOn) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(16), held = rows(600, 48, "held.jsonl", 9);
  const auto arguments = [&](const std::string& run) {
    return training(model, data, run, 8) +
           Arguments{"--validation", held, "--eval-every", "1", "--keep", "best", "--early-stop", "7"};
  };
  healed(arguments(in("whole")));
  ASSERT_EQ(heal_with_signal(arguments(in("run")), in("run"), SIGINT, 1), 75);
  for (size_t stops = 1; fs::exists(temp / "run/state"); ++stops) {
    ASSERT_LT(stops, 10u);
    const int status = heal_with_signal({"--resume", in("run")}, in("run"), SIGTERM, log_of(temp / "run").size() + 1);
    ASSERT_TRUE(status == 75 || status == 0) << status;
  }
  expect_same_run(temp / "whole", temp / "run");
  const Json whole = read_json(temp / "whole/heal.json"), run = read_json(temp / "run/heal.json");
  for (const char* key : {"before", "after", "best", "steps", "stopped_early"}) EXPECT_EQ(whole[key], run[key]) << key;
}

// The first state holds what an adapter began.
TEST_F(HealTest, WithoutTheAdapterItBeganFromItGoesOn) {
  const std::string model = pruned(tiny("llama-gqa"), "1"), data = rows(16);
  healed(training(model, data, in("first"), 4));
  const auto arguments = [&](const std::string& run) {
    return training(model, data, run, 60) + Arguments{"--init-adapter", in("first/adapter")};
  };
  healed(arguments(in("whole")));
  EXPECT_EQ(heal_with_signal(arguments(in("run")), in("run"), SIGKILL, 7), 128 + SIGKILL);
  fs::remove_all(temp / "first");
  healed({"--resume", in("run"), "-q"});
  expect_same_run(temp / "whole", temp / "run");
}

TEST_F(HealTest, GoingOnElsewhereIsSaid) {
  Arguments run = training(pruned(tiny("llama-gqa"), "1"), rows(16), in("run"), 60);
  run.erase(std::find(run.begin(), run.end(), "--threads"), std::find(run.begin(), run.end(), "--lr"));
  EXPECT_EQ(heal_with_signal(run, in("run"), SIGTERM, 7), 75);
  cpu_set_t all, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) == 1) GTEST_SKIP() << "one processor";
  CPU_ZERO(&one);
  for (int i = 0; CPU_COUNT(&one) == 0; ++i) {
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const Outcome on = healed({"--resume", in("run")});
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_THAT(on.err, HasSubstr("goes on on cpu in fp32, 1 threads"));
}

}  // namespace
}  // namespace shorten::test
