// SPDX-License-Identifier: Apache-2.0
#include "core/cleanup.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <thread>

namespace shorten {
namespace {

// The one piece of global state of the program: what a signal has to remove.
struct Registry {
  std::mutex mutex;
  std::set<std::filesystem::path> paths;
};

Registry& registry() {
  static Registry* const instance = new Registry;  // never destroyed: the signal thread outlives main
  return *instance;
}

}  // namespace

Temporary::Temporary(std::filesystem::path path) : path_(std::move(path)) {
  const std::lock_guard lock(registry().mutex);
  registry().paths.insert(path_);
}

Temporary::~Temporary() {
  const std::lock_guard lock(registry().mutex);
  registry().paths.erase(path_);
  if (kept_) return;
  std::error_code ignored;  // nothing more can be done about it in a destructor
  std::filesystem::remove_all(path_, ignored);
}

void Temporary::keep() {
  const std::lock_guard lock(registry().mutex);
  kept_ = true;
  registry().paths.erase(path_);
}

void install_signal_cleanup() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread started later
  std::thread([signals] {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    const std::lock_guard lock(registry().mutex);  // held to the end: no new temporary appears
    for (const auto& path : registry().paths) {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    constexpr char kMessage[] = "\ninterrupted: nothing was written\n";
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    ::_exit(128 + signal);
  }).detach();
}

}  // namespace shorten
