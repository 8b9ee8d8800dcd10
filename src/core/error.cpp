// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <fmt/format.h>

#include "core/utf8.h"

namespace shorten {

Error::Error(ExitCode code, std::string what) : code_(code), message_(std::move(what)) { refresh(); }

Error& Error::file(const std::filesystem::path& value) {
  file_ = value.string();
  refresh();
  return *this;
}
Error& Error::where(std::string value) {
  where_ = std::move(value);
  refresh();
  return *this;
}
Error& Error::expected(std::string value) {
  expected_ = std::move(value);
  refresh();
  return *this;
}
Error& Error::found(std::string value) {
  found_ = std::move(value);
  refresh();
  return *this;
}
Error& Error::help(std::string value) {
  help_ = std::move(value);
  refresh();
  return *this;
}

void Error::refresh() { what_ = block(); }

namespace {

// Line breaks written by us stay, indented under the label; everything else is made printable.
std::string indented(std::string_view text) {
  std::string out;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find('\n', begin);
    out += printable(text.substr(begin, end == std::string_view::npos ? end : end - begin), 2000);
    if (end == std::string_view::npos) return out;
    out += "\n            ";
    begin = end + 1;
  }
}

}  // namespace

std::string Error::block() const {
  std::string out = fmt::format("error: {}", indented(message_));
  const auto line = [&out](std::string_view label, const std::string& value) {
    if (!value.empty()) out += fmt::format("\n  {:<9} {}", label, indented(value));
  };
  line("file", file_);
  line("where", where_);
  line("expected", expected_);
  line("found", found_);
  line("help", help_);
  return out;
}

Error usage_error(std::string what) { return {ExitCode::kUsage, std::move(what)}; }
Error bad_input(std::string what) { return {ExitCode::kBadInput, std::move(what)}; }
Error unsupported(std::string what) { return {ExitCode::kUnsupported, std::move(what)}; }
Error no_space(std::string what) { return {ExitCode::kNoSpace, std::move(what)}; }
Error diverged(std::string what) { return {ExitCode::kDiverged, std::move(what)}; }
Error interrupted(std::string what) { return {ExitCode::kInterrupted, std::move(what)}; }

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  for (size_t i = 0; i < text.size() && i < limit;) {
    const size_t length = utf8_sequence_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1_control = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (length == 0 || c1_control || byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
      i += 1;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  if (text.size() > limit) out += "...";
  return out;
}

}  // namespace shorten
