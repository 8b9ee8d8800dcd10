// SPDX-License-Identifier: Apache-2.0
// What a job says while it runs, and how it is stopped. Libraries print nothing: a caller hands `Hooks` in, and
// whatever the job calls on its thread reports there. Without hooks nothing is said.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace shorten {

enum class Level { kDebug, kInfo, kWarning };

// How far a loop is. The texts live as long as the call.
struct ProgressState {
  std::string_view label;  // what is done: "scoring"
  std::string_view unit;   // what is counted: "blocks"
  int64_t done = 0, total = 0;
  double seconds = 0;  // since it began
  bool ended = false;  // the last call; done < total where it was broken off
};

struct Hooks {
  std::function<void(Level level, std::string_view message)> on_message = {};
  // On every step: whoever draws draws now and then. Called by one thread at a time, not always the job's own.
  std::function<void(const ProgressState& state)> on_progress = {};
  std::stop_token stop = {};  // looked at between steps
};

// From here to the end of the scope the calls of this thread report to `hooks`, which must live as long. Scopes nest.
class HookScope {
 public:
  explicit HookScope(const Hooks& hooks);
  ~HookScope();
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

 private:
  const Hooks* before_;
};

void log_info(std::string_view message);
void log_debug(std::string_view message);
void log_warning(std::string_view message);

bool stop_requested();  // of the hooks of this thread

// A loop that reports. It keeps the hooks of the thread that made it, so other threads may advance it, one at a time.
class Progress {
 public:
  // `label` says what is done, `unit` what is counted ("blocks"), `total` how many there are.
  // What should not be broken off, such as writing a result that is there, does not stop.
  Progress(std::string label, int64_t total, std::string unit, bool stops = true);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Throws interrupted if the job is asked to stop, unless this was the last step.
  void advance(int64_t by = 1);

 private:
  void tell(bool ended) const;

  const Hooks& hooks_;
  std::string label_, unit_;
  int64_t total_, done_ = 0;
  bool stops_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace shorten
