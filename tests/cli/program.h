// SPDX-License-Identifier: Apache-2.0
// The program as users run it: a process with its output, errors and exit status.
#pragma once

#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "temp_dir.h"
#include "test_data.h"

namespace shorten::test {

struct Outcome {
  int status = -1;  // as a shell gives it: 128 + signal if a signal ended it
  std::string out, err;
};

inline std::string shell_word(const std::string& argument) {
  std::string out = "'";
  for (const char c : argument) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

inline std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs `shorten` with the arguments. `shell` goes after them as it is ("> /dev/full", "| head -c 1").
inline Outcome shorten(const std::vector<std::string>& arguments, const std::string& shell = "") {
  const TempDir temp;
  std::string command = "set -o pipefail; " + shell_word(SHORTEN_PROGRAM);
  for (const std::string& argument : arguments) command += " " + shell_word(argument);
  command += " 2> " + shell_word((temp / "err").string()) + " " +
             (shell.empty() ? "> " + shell_word((temp / "out").string()) : shell);
  const int status = std::system(("bash -c " + shell_word(command)).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(temp / "out"),
          read_text(temp / "err")};
}

inline const std::string kNovelist = (source_dir() / "examples/novelist-14m").string();
inline const std::string kCalibrate = (source_dir() / "examples/texts/calibrate.txt").string();
inline const std::string kHeldOut = (source_dir() / "examples/texts/held-out.txt").string();

}  // namespace shorten::test
