// SPDX-License-Identifier: Apache-2.0
#include "core/cleanup.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "core/check.h"

namespace shorten {
namespace {

using Clock = std::chrono::steady_clock;

// Global, because signal handlers take no argument: what a signal has to remove, and who wants to know of it first.
struct Registry {
  std::mutex mutex;
  std::set<std::filesystem::path> paths;
  std::vector<std::stop_source> stop_requests;  // those that live
  bool stop_requested = false;                  // they were asked
  Clock::time_point stop_time;                  // of the signal that asked
};

Registry& registry() {
  static Registry* const instance = new Registry;  // never destroyed: the signal thread outlives main
  return *instance;
}

// Removes `path` while the threads that write to it still run.
void remove_under_writers(const std::filesystem::path& path) {
  // Under another name first: no writer can create a file in it or rename it into place half removed.
  std::filesystem::path aside = path;
  aside += ".removed";
  const bool renamed = ::rename(path.c_str(), aside.c_str()) == 0;
  if (!renamed && errno == ENOENT) return;  // it is in its place already
  const std::filesystem::path& doomed = renamed ? aside : path;
  // A file whose creation was under way may still appear between the removal of the others and rmdir.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    std::error_code failed, unknown;
    std::filesystem::remove_all(doomed, failed);
    const auto type = std::filesystem::symlink_status(doomed, unknown).type();
    if (type == std::filesystem::file_type::not_found) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void say(std::string_view text) { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size()); }

// Whether a signal that has come is no more than a request to stop.
bool take_as_request() {
  constexpr auto kSameRequest = std::chrono::milliseconds(200);
  std::vector<std::stop_source> asked;
  {
    const std::lock_guard lock(registry().mutex);
    if (registry().stop_requested && Clock::now() - registry().stop_time < kSameRequest) return true;
    if (registry().stop_requested || registry().stop_requests.empty()) return false;
    registry().stop_time = Clock::now();
    registry().stop_requested = true;
    for (const std::stop_source& request : registry().stop_requests) asked.push_back(request);
  }
  for (std::stop_source& request : asked) request.request_stop();
  say("\nstopping: the last finished step is saved (once more to end at once)\n");
  return true;
}

[[noreturn]] void end_by(int signal) {
  const std::lock_guard lock(registry().mutex);  // held to the end: no new temporary appears
  for (const auto& path : registry().paths) remove_under_writers(path);
  say("\ninterrupted\n");
  ::_exit(128 + signal);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN;
}

}  // namespace

Temporary::Temporary(std::filesystem::path path) : path_(std::move(path)) {
  const std::lock_guard lock(registry().mutex);
  registry().paths.insert(path_);
}

std::unique_ptr<Temporary> Temporary::make_file(std::string pattern, int* fd) {
  const std::lock_guard lock(registry().mutex);
  *fd = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (*fd < 0) return nullptr;
  std::unique_ptr<Temporary> made(new Temporary(Registered{}, std::move(pattern)));
  registry().paths.insert(made->path_);
  return made;
}

std::unique_ptr<Temporary> Temporary::make_directory(const std::filesystem::path& path) {
  const std::lock_guard lock(registry().mutex);
  if (::mkdir(path.c_str(), 0777) != 0) return nullptr;
  std::unique_ptr<Temporary> made(new Temporary(Registered{}, path));
  registry().paths.insert(made->path_);
  return made;
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
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(s)) sigaddset(&signals, s);
  }
  if (sigisemptyset(&signals)) return;
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread started later
  std::thread([signals] {
    while (true) {
      int signal = 0;
      while (sigwait(&signals, &signal) != 0) {
      }
      if (!take_as_request()) end_by(signal);
    }
  }).detach();
}

StopRequest::StopRequest() {
  const std::lock_guard lock(registry().mutex);
  if (registry().stop_requests.empty()) registry().stop_requested = false;
  if (registry().stop_requested) source_.request_stop();
  registry().stop_requests.push_back(source_);
}

StopRequest::~StopRequest() {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().stop_requests, source_);
}

}  // namespace shorten
