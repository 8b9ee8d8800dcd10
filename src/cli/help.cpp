// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>

namespace shorten::cli {
namespace {

constexpr size_t kColumn = 24, kWidth = 80;

// CLI11 puts a description on one line however long it is; here it goes on under itself. Blank lines
// in a row become one.
std::string tidy(const std::string& help) {
  std::string out;
  bool blank = false;
  for (size_t begin = 0; begin < help.size();) {
    const size_t end = std::min(help.find('\n', begin), help.size());
    std::string line = help.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() && (blank || begin >= help.size())) continue;
    blank = line.empty();
    while (line.size() > kWidth) {
      const size_t space = line.rfind(' ', kWidth);
      if (space == std::string::npos || space <= kColumn) break;
      out += line.substr(0, space) + "\n";
      line = std::string(kColumn, ' ') + line.substr(space + 1);
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace

HelpFormatter::HelpFormatter() {
  column_width(kColumn);
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  return tidy(Formatter::make_help(app, std::move(name), mode));
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  std::string line = "\nUsage: shorten ";
  if (!app->get_parent()) return line + "VERB MODEL [options]\n";
  line += app->get_name();
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    line += " " + option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "");
  }
  return line + " [options]\n";
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0 || option->get_positional()) return "";
  const std::string type = option->get_type_name();  // "N:INT in [1 - 9]": what is after the colon is in the error
  return " " + type.substr(0, type.find(':')) +
         (option->get_items_expected_max() > 1 && option->get_allow_extra_args() ? "..." : "");
}

}  // namespace shorten::cli
