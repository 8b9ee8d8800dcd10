// SPDX-License-Identifier: Apache-2.0
// --bos, --tokenizer: options about text that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "family/spec.h"
#include "text/source.h"

namespace shorten::cli {

struct TextOptions {
  std::string bos = "document", tokenizer = "auto";
  CLI::Option* bos_given = nullptr;
};

void add_text_options(CLI::App& app, TextOptions& options);

// The tokenizer of the model if one of the documents is text; null if all are ready ids.
std::unique_ptr<text::Tokenizer> open_for(const std::vector<text::Document>& documents, const fs::path& model,
                                          const TextOptions& options);

std::unique_ptr<text::Tokenizer> open_tokenizer_of(const fs::path& model, const TextOptions& options);

// The same, or null where there is none that opens: ready rows need none.
std::unique_ptr<text::Tokenizer> tokenizer_if_any(const fs::path& model, const TextOptions& options);

// The ids of --prompt, with what the tokenizer puts around a text. Throws usage_error if it is not UTF-8, empty, or
// does not leave the model's context room for a token.
std::vector<text::TokenId> encode_prompt(const std::string& prompt, const text::Tokenizer& tokenizer,
                                         const family::ModelSpec& spec);

// The BOS mode to use. A model without a BOS token gets none: by default, with a word on stderr; if the
// user asked for a BOS, that is an error.
text::Bos resolve_bos(const TextOptions& options, const text::Tokenizer* tokenizer);

}  // namespace shorten::cli
