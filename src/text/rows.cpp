// SPDX-License-Identifier: Apache-2.0
#include "text/rows.h"

#include <algorithm>

#include "text/python_text.h"

namespace shorten::text {
namespace {

// The lines of `file`, each with its line feed, made rows by `to_row` and joined.
template <typename ToRow>
std::string join_lines(std::string_view file, std::string_view separator, const ToRow& to_row) {
  std::string out;
  for (size_t start = 0; start < file.size();) {
    const size_t end = std::min(file.find('\n', start), file.size() - 1) + 1;
    if (start > 0) out += separator;
    out += to_row(file.substr(start, end - start));
    start = end;
  }
  return out;
}

}  // namespace

std::string join_wikitext_rows(std::string_view file) {
  return join_lines(file, "\n\n",
                    [](std::string_view line) { return python::strip(line).empty() ? std::string_view() : line; });
}

std::string join_ptb_rows(std::string_view file, std::string_view separator) {
  return join_lines(file, separator, [](std::string_view line) { return python::strip(line); });
}

}  // namespace shorten::text
