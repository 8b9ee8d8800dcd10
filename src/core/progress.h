// SPDX-License-Identifier: Apache-2.0
// Messages and progress on stderr. On a terminal a bar with rate and time left is redrawn in place;
// elsewhere a plain line is written now and then. Results never go through here: they belong to
// stdout or to files.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace shorten {

enum class Verbosity { kQuiet, kNormal, kVerbose };
void set_verbosity(Verbosity value);  // by main, once

// Writes `text` as far as it goes: that nobody can read our messages (stderr closed, full, a pipe without a
// reader) changes neither the result nor the exit status.
void write_stderr(std::string_view text);

void log_info(std::string_view message);     // unless quiet
void log_debug(std::string_view message);    // only when verbose
void log_warning(std::string_view message);  // always

class Progress {
 public:
  // `label` says what is done, `unit` what is counted ("blocks"), `total` how many there are.
  Progress(std::string label, int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(int64_t by = 1);

 private:
  void draw(bool last);

  std::string label_, unit_;
  int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
};

}  // namespace shorten
