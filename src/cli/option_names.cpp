// SPDX-License-Identifier: Apache-2.0
#include "cli/option_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/error.h"

namespace shorten::cli {
namespace {

// Where an option is not called as its field is.
constexpr std::array kOthers = {
    std::pair{"bytes", "--size"},          std::pair{"keep_best", "--keep"},     std::pair{"model", "MODEL"},
    std::pair{"models", "MODEL"},          std::pair{"pack", "--no-pack"},       std::pair{"parameters", "--params"},
    std::pair{"patience", "--early-stop"}, std::pair{"shuffle", "--no-shuffle"}, std::pair{"texts", "--text"},
};

std::set<std::string>& known_options() {  // of this program; filled once, by main
  static std::set<std::string> known;
  return known;
}

}  // namespace

std::string option_name(const std::string& field) {
  const auto other =
      std::find_if(kOthers.begin(), kOthers.end(), [&](const auto& entry) { return entry.first == field; });
  if (other != kOthers.end()) return other->second;
  const bool plain = !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain) return "";
  std::string option = "--" + field;
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

void know_options(const CLI::App& app) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames()) known_options().insert("--" + name);
    }
  }
}

std::string known_option(const std::string& field) {
  const std::string option = option_name(field);
  return option == "MODEL" || known_options().contains(option) ? option : "";
}

std::string with_option_names(const std::string& text) {
  return usage_error(text).with_field_names(option_name).message();  // as errors are shown
}

}  // namespace shorten::cli
