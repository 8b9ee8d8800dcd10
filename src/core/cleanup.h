// SPDX-License-Identifier: Apache-2.0
// What must not survive the program: temporary outputs that are not finished. They are removed when
// their owner goes out of scope, and also when a signal (Ctrl-C, SIGTERM) ends the program.
#pragma once

#include <filesystem>

namespace shorten {

// A file or folder that is deleted, with all in it, unless `keep` is called.
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void keep();  // it was renamed into place, or is wanted

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

// From now on SIGINT, SIGTERM and SIGHUP remove every live Temporary and exit with 128 + signal.
// Signals are taken by a thread of their own, so the removal may do what a handler may not.
// Call once, before any other thread is started.
void install_signal_cleanup();

}  // namespace shorten
