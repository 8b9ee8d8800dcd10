// SPDX-License-Identifier: Apache-2.0
// What must not survive the program: temporary outputs that are not finished. They are removed when
// their owner goes out of scope, and also when a signal (Ctrl-C, SIGTERM) ends the program.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

namespace shorten {

// A file or folder that is deleted, with all in it, unless `keep` is called.
class Temporary {
 public:
  // Takes over what is on disk already. Where it can be helped use make_file or make_directory: a signal
  // that comes between the creation of `path` and this call leaves it behind.
  explicit Temporary(std::filesystem::path path);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  // Create and register in one step, as a signal sees it. Null, with errno set, where that fails.
  // The file's name is `pattern`, whose last six characters are XXXXXX, as mkostemp changes it; it is open
  // for writing as *fd, which the caller closes.
  static std::unique_ptr<Temporary> make_file(std::string pattern, int* fd);
  // A new folder with the permissions of any other (0777 less the umask). EEXIST: try another name.
  static std::unique_ptr<Temporary> make_directory(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  void keep();  // it was renamed into place, or is wanted

 private:
  struct Registered {};
  Temporary(Registered, std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  bool kept_ = false;
};

// From now on SIGINT, SIGTERM and SIGHUP remove every live Temporary and exit with 128 + signal.
// One that is ignored already (nohup ignores SIGHUP) stays ignored.
// Signals are taken by a thread of their own, so the removal may do what a handler may not.
// Call once, before any other thread is started.
void install_signal_cleanup();

// While one lives, the first of these signals only asks for a stop: whoever was handed the token looks at it now and
// then, saves what it has and ends by itself. The second signal ends the program as above. So does the first once all
// are gone. Signals within a fifth of a second of the first are the same request: `timeout` sends its own twice.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }  // from any thread

 private:
  std::stop_source source_;
};

}  // namespace shorten
