// SPDX-License-Identifier: Apache-2.0
#include "core/progress.h"

#include "core/error.h"

namespace shorten {
namespace {

const Hooks kSilent;
thread_local const Hooks* current = &kSilent;

void say(Level level, std::string_view message) {
  if (current->on_message) current->on_message(level, message);
}

}  // namespace

HookScope::HookScope(const Hooks& hooks) : before_(current) { current = &hooks; }
HookScope::~HookScope() { current = before_; }

void log_info(std::string_view message) { say(Level::kInfo, message); }
void log_debug(std::string_view message) { say(Level::kDebug, message); }
void log_warning(std::string_view message) { say(Level::kWarning, message); }

bool stop_requested() { return current->stop.stop_requested(); }

Progress::Progress(std::string label, int64_t total, std::string unit, bool stops)
    : hooks_(*current),
      label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      stops_(stops),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  try {
    tell(true);
  } catch (...) {  // of the hook: a destructor has nobody to throw to, and what it tells is the end of a bar
  }
}

void Progress::advance(int64_t by) {
  done_ += by;
  tell(false);
  if (stops_ && done_ < total_ && hooks_.stop.stop_requested())
    throw interrupted("stopped, as was asked").found(label_);
}

void Progress::tell(bool ended) const {
  if (!hooks_.on_progress) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  hooks_.on_progress({label_, unit_, done_, total_, seconds, ended});
}

}  // namespace shorten
