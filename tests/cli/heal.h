// SPDX-License-Identifier: Apache-2.0
// `shorten heal` from outside, on models of a few thousand parameters: a step takes milliseconds.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "checkpoint/checkpoint.h"
#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline std::string tiny(const std::string& name) { return (source_dir() / "tests/golden/models" / name).string(); }

// Every test has a folder of its own, in which the program's cache lies too.
class HealTest : public ::testing::Test {
 protected:
  HealTest() { ::setenv("XDG_CACHE_HOME", (temp / "cache").c_str(), 1); }

  std::string in(const std::string& name) const { return (temp / name).string(); }

  // `model` without some blocks, which then is the parent.
  std::string pruned(const std::string& model, const std::string& drop, const std::string& name = "short") const {
    const Outcome run = shorten({"prune", model, "--drop", drop, "-o", in(name), "-q"});
    EXPECT_EQ(run.status, 0) << run.err;
    return in(name);
  }

  // Ready rows of 6 to 21 tokens, the first two of each masked.
  std::string rows(int count, int vocabulary = 48, const std::string& name = "rows.jsonl", unsigned seed = 1) const {
    std::mt19937 random(seed);
    std::string text;
    for (int i = 0; i < count; ++i) {
      std::vector<int> ids(6 + random() % 16);
      for (int& id : ids) id = static_cast<int>(random() % static_cast<unsigned>(vocabulary));
      std::vector<int> labels = ids;
      labels[0] = labels[1] = -100;
      text += Json{{"input_ids", ids}, {"labels", labels}}.dump() + "\n";
    }
    return write(temp / name, text).string();
  }

  TempDir temp;
};

// A run that dropout, packing, the parent's teaching and warm-up all have a part in.
inline Arguments training(const std::string& model, const std::string& rows, const std::string& run, int steps) {
  return {model,
          "-o",
          run,
          "--data",
          rows,
          "--objective",
          "kd",
          "--steps",
          std::to_string(steps),
          "--batch",
          "8",
          "--dropout",
          "0.1",
          "--save-every",
          "3",
          "--threads",
          "2",
          "--lr",
          "1e-2",
          "--warmup",
          "4",
          "--device",
          "cpu",
          "-q"};
}

inline Outcome heal(const Arguments& arguments) { return shorten(Arguments{"heal"} + arguments); }

// Runs and expects success.
inline Outcome healed(const Arguments& arguments) {
  Outcome run = heal(arguments);
  EXPECT_EQ(run.status, 0) << run.err;
  return run;
}

// train.jsonl but for what a clock says.
inline std::vector<Json> log_of(const fs::path& run) {
  std::vector<Json> lines;
  std::ifstream in(run / "train.jsonl");
  for (std::string line; std::getline(in, line);) {
    lines.push_back(Json::parse(line));
    lines.back().erase("seconds");
    lines.back().erase("tokens_per_s");
  }
  return lines;
}

inline std::vector<double> losses_of(const fs::path& run) {
  std::vector<double> losses;
  for (const Json& line : log_of(run)) losses.push_back(line.at("loss").get<double>());
  return losses;
}

// Two runs of the same training have left the same.
inline void expect_same_run(const fs::path& a, const fs::path& b) {
  const std::vector<Json> first = log_of(a), second = log_of(b);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].dump(), second[i].dump());
  for (const char* file : {"adapter/adapter_model.safetensors", "model/model.safetensors"}) {
    ASSERT_EQ(fs::exists(a / file), fs::exists(b / file)) << file;
    EXPECT_TRUE(read_text(a / file) == read_text(b / file)) << file << " of " << b;
  }
}

// Starts `heal`, sends `signal` once `run`/train.jsonl has `lines` lines, and returns the exit status.
inline int heal_with_signal(const Arguments& arguments, const fs::path& run, int signal, size_t lines) {
  std::vector<char*> argv = {const_cast<char*>(SHORTEN_PROGRAM), const_cast<char*>("heal")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int taken : {SIGINT, SIGTERM}) ::signal(taken, SIG_DFL);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  bool sent = false;
  while (::waitpid(child, &status, sent ? 0 : WNOHANG) == 0) {
    if (std::string text = read_text(run / "train.jsonl");
        static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= lines) {
      ::kill(child, signal);
      sent = true;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace shorten::test
