// SPDX-License-Identifier: Apache-2.0
// Help texts for an 80-column terminal: option, meaning, [default].
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace shorten::cli {

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
};

}  // namespace shorten::cli
