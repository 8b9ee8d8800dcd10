// SPDX-License-Identifier: Apache-2.0
// The program as users run it: a process with its output, errors and exit status.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
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

// Starts `shorten` without output, sends `signal` after `delay`, and returns the exit status as a shell gives it.
// `ignored`: the program starts with this signal ignored, as under nohup.
inline int shorten_with_signal(const std::vector<std::string>& arguments, int signal, std::chrono::milliseconds delay,
                               bool ignored = false) {
  std::vector<char*> argv = {const_cast<char*>(SHORTEN_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(signal, ignored ? SIG_IGN : SIG_DFL);  // whatever the test itself was started with
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  std::this_thread::sleep_for(delay);
  ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline const std::string kNovelist = (source_dir() / "examples/novelist-14m").string();
inline const std::string kCalibrate = (source_dir() / "examples/texts/calibrate.txt").string();
inline const std::string kHeldOut = (source_dir() / "examples/texts/held-out.txt").string();

}  // namespace shorten::test
