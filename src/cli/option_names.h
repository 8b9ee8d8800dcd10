// SPDX-License-Identifier: Apache-2.0
// What the fields of requests are called on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace shorten::cli {

// "lr" -> "--lr", "keep_first" -> "--keep-first". Empty for what is no option.
std::string option_name(const std::string& field);

// From now on errors and messages show as options only what `app` and its subcommands have.
void know_options(const CLI::App& app);

// The option of a field, if there is such an option.
std::string known_option(const std::string& field);

// `text` with the fields that it speaks of in backquotes as options.
std::string with_option_names(const std::string& text);

}  // namespace shorten::cli
