// SPDX-License-Identifier: Apache-2.0
#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "core/file.h"
#include "core/units.h"

namespace shorten {
namespace {

Verbosity verbosity = Verbosity::kNormal;  // set once by main, before any thread

using Seconds = std::chrono::duration<double>;

bool on_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && !(term && std::string_view(term) == "dumb");
}

constexpr Seconds kRedraw{0.1};      // of a bar
constexpr Seconds kWorthALine{2.0};  // what took less leaves no trace
constexpr Seconds kPlainLine{10.0};  // between lines where there is no terminal

void write_line(std::string_view line) { write_stderr(fmt::format("{}{}\n", on_terminal() ? "\r\033[K" : "", line)); }

}  // namespace

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && wait_to_write(STDERR_FILENO)) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void set_verbosity(Verbosity value) { verbosity = value; }

void log_info(std::string_view message) {
  if (verbosity != Verbosity::kQuiet) write_line(message);
}
void log_debug(std::string_view message) {
  if (verbosity == Verbosity::kVerbose) write_line(message);
}
void log_warning(std::string_view message) { write_line(fmt::format("warning: {}", message)); }

Progress::Progress(std::string label, int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (verbosity != Verbosity::kQuiet) draw(true);
}

void Progress::advance(int64_t by) {
  done_ += by;
  if (verbosity == Verbosity::kQuiet) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < (on_terminal() ? kRedraw : kPlainLine)) return;
  drawn_ = now;
  draw(false);
}

void Progress::draw(bool last) {
  const double elapsed = Seconds(std::chrono::steady_clock::now() - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  if (last) {  // one line stays of what took a while
    if (on_terminal()) write_stderr("\r\033[K");
    if (done_ == total_ && elapsed >= kWorthALine.count())
      write_line(fmt::format("{:<34} {} {}, {}", label_, with_separators(done_), unit_, human_seconds(elapsed)));
    return;
  }
  const std::string left = rate > 0 ? human_seconds(static_cast<double>(total_ - done_) / rate) : "?";
  if (!on_terminal()) {
    write_line(fmt::format("{}: {} of {} {}, {} left", label_, done_, total_, unit_, left));
    return;
  }
  constexpr int kWidth = 16;
  const int filled = total_ > 0 ? static_cast<int>(kWidth * std::min(done_, total_) / total_) : 0;
  write_stderr(fmt::format("\r\033[K{:<24.24} [{:#<{}}{:.<{}}] {}/{} {}  {:.3g}/s  {} left", label_, "", filled, "",
                           kWidth - filled, done_, total_, unit_, rate, left));
}

}  // namespace shorten
