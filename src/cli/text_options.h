// SPDX-License-Identifier: Apache-2.0
// --bos, --tokenizer: options about text that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>

#include "jobs/text.h"

namespace shorten::cli {

void add_text_options(CLI::App& app, jobs::TextRequest& request);
void add_tokenizer_option(CLI::App& app, std::optional<text::TokenizerKind>& kind,
                          const std::string& group = "Options");

}  // namespace shorten::cli
