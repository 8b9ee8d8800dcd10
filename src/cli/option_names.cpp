// SPDX-License-Identifier: Apache-2.0
#include "cli/option_names.h"

#include <algorithm>
#include <array>
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

std::string with_option_names(const std::string& text) {
  return usage_error(text).with_field_names(option_name).message();  // as errors are shown
}

}  // namespace shorten::cli
