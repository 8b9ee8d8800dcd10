// SPDX-License-Identifier: Apache-2.0
// Messages and progress on stderr. On a terminal a bar with rate and time left is redrawn in place; elsewhere a plain
// line is written now and then. Results never go through here: they belong to stdout or to files.
#pragma once

#include <chrono>
#include <string_view>

#include "core/progress.h"

namespace shorten::cli {

enum class Verbosity { kQuiet, kNormal, kVerbose };  // kQuiet: only warnings

// Writes `text` as far as it goes: that nobody can read our messages (stderr closed, full, a pipe without a reader)
// changes neither the result nor the exit status.
void write_stderr(std::string_view text);

class Terminal {
 public:
  explicit Terminal(Verbosity verbosity) : verbosity_(verbosity) {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Hooks hooks();  // report to this terminal, which must outlive them

 private:
  void message(Level level, std::string_view text) const;
  void progress(const ProgressState& state);

  Verbosity verbosity_;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace shorten::cli
