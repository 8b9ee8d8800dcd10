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
Error& Error::field(std::string name, std::string value) {
  field_ = std::move(name);
  field_value_ = std::move(value);
  return where(field_value_.empty() ? field_ : fmt::format("{} {}", field_, field_value_));
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

// `text` with what stands in backquotes replaced by the name it has elsewhere.
std::string with_names(const std::string& text, const std::function<std::string(const std::string&)>& name) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('`', at), close = open == std::string::npos ? open : text.find('`', open + 1);
    if (close == std::string::npos) return out + text.substr(at);
    const std::string word = text.substr(open + 1, close - open - 1), other = name(word);
    out += text.substr(at, open - at) + (other.empty() ? fmt::format("`{}`", word) : other);
    at = close + 1;
  }
  return out;
}

}  // namespace

Error Error::with_field_names(const std::function<std::string(const std::string&)>& name) const {
  Error out = *this;
  out.message_ = with_names(message_, name);
  out.expected_ = with_names(expected_, name);
  out.help_ = with_names(help_, name);
  if (const std::string other = field_.empty() ? "" : name(field_); !other.empty())
    out.where_ = field_value_.empty() ? other : fmt::format("{} {}", other, field_value_);
  out.refresh();
  return out;
}

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
