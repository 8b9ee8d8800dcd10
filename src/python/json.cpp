// SPDX-License-Identifier: Apache-2.0
#include "python/json.h"

#include <fmt/format.h>

#include <cmath>

namespace shorten::python {
namespace {

void write_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        // All else is written as it is, DEL and U+2028 too.
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return repr(value);
}

// `margin`: of the line that `value` begins on; npos on one line.
void write(std::string& out, const Json& value, size_t margin) {
  if (value.is_string()) return write_string(out, value.get_ref<const std::string&>());
  if (value.is_number_float()) {
    out += number(value.get<double>());
    return;
  }
  if (!value.is_structured()) {
    out += value.dump();
    return;
  }
  const bool object = value.is_object();
  const bool indented = margin != std::string::npos && !value.empty();
  const size_t deeper = indented ? margin + 2 : margin;
  const auto new_line = [&](size_t width) {
    if (indented) out += "\n" + std::string(width, ' ');
  };
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) out += indented ? "," : ", ";
    first = false;
    new_line(deeper);
    if (object) {
      write_string(out, item.key());
      out += ": ";
    }
    write(out, item.value(), deeper);
  }
  new_line(margin);
  out += object ? '}' : ']';
}

}  // namespace

std::string repr(double value) {
  std::string out = fmt::format("{}", value);  // Python's digits and thresholds, but "1" for 1.0
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

std::string dump_json(const Json& value, bool indented) {
  std::string out;
  write(out, value, indented ? 0 : std::string::npos);
  return out;
}

}  // namespace shorten::python
