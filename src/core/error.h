// SPDX-License-Identifier: Apache-2.0
// The one exception type for everything a user or a file can cause. It carries what a reader of the
// message needs to act: what failed, in which file and where in it, what was expected and found, and
// what to do. `main` catches it once and turns `code` into the exit status.
//
//   throw bad_input("the tensor does not cover its byte range")
//       .file(path).where("tensor lm_head.weight").expected("8192 bytes").found("8190 bytes");
//
// Libraries know no command line. What a request got wrong is named by its field, and where a text speaks of a field
// it does so in backquotes; the program shows both as the option they came from (cli/option_names.h):
//
//   throw usage_error("out of range").field("lr").expected("above 0").help("use a smaller `lr` or a longer `warmup`");
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace shorten {

// Exit statuses of the program; docs/formats.md lists them for scripts.
enum class ExitCode : int {
  kDone = 0,
  kFault = 1,         // a fault of ours
  kUsage = 2,         // the command line
  kBadInput = 3,      // a file that is missing, damaged or contradicts itself
  kUnsupported = 4,   // a sound model that this version cannot handle
  kNoSpace = 5,       // memory or disk
  kQuality = 6,       // a quality gate failed
  kDiverged = 7,      // NaN or infinity where a number must be
  kInterrupted = 75,  // stopped by a signal with its state saved: EX_TEMPFAIL of sysexits.h, run it again
  kClosedPipe = 141,  // whoever read our output is gone: 128 + SIGPIPE, as shells count signals
};

class Error : public std::exception {
 public:
  Error(ExitCode code, std::string what);

  // Each returns *this, so that an error reads as one sentence where it is thrown.
  Error& file(const std::filesystem::path& value);
  Error& where(std::string value);  // a tensor, a line, a key
  // The field of a request, and its value where that helps: shown as `where`, which it replaces.
  Error& field(std::string name, std::string value = "");
  Error& expected(std::string value);
  Error& found(std::string value);
  Error& help(std::string value);

  ExitCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& file() const { return file_; }
  const std::string& where() const { return where_; }
  const std::string& field() const { return field_; }  // empty without one
  const std::string& expected() const { return expected_; }
  const std::string& found() const { return found_; }
  const std::string& help() const { return help_; }

  // The same error with every field as `name` gives it: that of field(), and those in backquotes in message, expected
  // and help. A word that `name` gives back empty stays as it is.
  Error with_field_names(const std::function<std::string(const std::string& field)>& name) const;

  // The whole block as it is shown on a terminal, without a trailing newline. Bytes that came from a
  // file are escaped: a tensor name must not move somebody's cursor.
  std::string block() const;
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  void refresh();

  ExitCode code_;
  std::string message_, file_, where_, field_, field_value_, expected_, found_, help_;
  std::string what_;  // block(), kept for what()
};

Error usage_error(std::string what);
Error bad_input(std::string what);
Error unsupported(std::string what);
Error no_space(std::string what);
Error diverged(std::string what);
Error interrupted(std::string what);

// `text` with control characters and invalid UTF-8 written as \xNN, cut to `limit` bytes.
std::string printable(std::string_view text, size_t limit = 400);

}  // namespace shorten
