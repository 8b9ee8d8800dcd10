// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "cli/option_names.h"
#include "core/error.h"
#include "core/file.h"
#include "core/units.h"

namespace shorten::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr Seconds kRedraw{0.1};      // of a bar
constexpr Seconds kPlainLine{10.0};  // between lines where there is no terminal
constexpr double kWorthALine = 2;    // seconds: what took less leaves no trace
constexpr int kBarWidth = 16;

bool on_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && !(term && std::string_view(term) == "dumb");
}

void write_line(std::string_view line) { write_stderr(fmt::format("{}{}\n", on_terminal() ? "\r\033[K" : "", line)); }

// One line stays of what took a while.
void write_last(const ProgressState& s) {
  if (on_terminal()) write_stderr("\r\033[K");
  if (s.done == s.total && s.seconds >= kWorthALine)
    write_line(fmt::format("{:<34} {} {}, {}", s.label, with_separators(s.done), s.unit, human_seconds(s.seconds)));
}

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

Hooks Terminal::hooks() {
  Hooks out;
  out.on_message = [this](Level level, std::string_view text) { message(level, text); };
  if (verbosity_ != Verbosity::kQuiet) out.on_progress = [this](const ProgressState& state) { progress(state); };
  return out;
}

void Terminal::message(Level level, std::string_view said) const {
  const std::string text = usage_error(std::string(said)).with_field_names(known_option).message();
  if (level == Level::kWarning) return write_line(fmt::format("warning: {}", text));
  if (verbosity_ == Verbosity::kVerbose || (level == Level::kInfo && verbosity_ == Verbosity::kNormal))
    write_line(text);
}

void Terminal::progress(const ProgressState& s) {
  if (s.ended) return write_last(s);
  const auto now = Clock::now();
  const auto begun = now - std::chrono::duration_cast<Clock::duration>(Seconds(s.seconds));
  drawn_ = std::max(drawn_, begun);
  if (now - drawn_ < (on_terminal() ? kRedraw : kPlainLine)) return;
  drawn_ = now;
  const double rate = s.seconds > 0 ? static_cast<double>(s.done) / s.seconds : 0;
  const std::string left = rate > 0 ? human_seconds(static_cast<double>(s.total - s.done) / rate) : "?";
  if (!on_terminal())
    return write_line(fmt::format("{}: {} of {} {}, {} left", s.label, s.done, s.total, s.unit, left));
  const int filled = s.total > 0 ? static_cast<int>(kBarWidth * std::min(s.done, s.total) / s.total) : 0;
  write_stderr(fmt::format("\r\033[K{:<24.24} [{:#<{}}{:.<{}}] {}/{} {}  {:.3g}/s  {} left", s.label, "", filled, "",
                           kBarWidth - filled, s.done, s.total, s.unit, rate, left));
}

}  // namespace shorten::cli
