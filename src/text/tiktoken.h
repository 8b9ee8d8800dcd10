// SPDX-License-Identifier: Apache-2.0
// The tokenizer.model of Llama 3, which is no SentencePiece model but a tiktoken file: a line a token,
// its bytes in base64 and its rank.
#pragma once

#include <filesystem>
#include <memory>

#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace shorten::text {

bool is_tiktoken_file(const std::filesystem::path& file);
std::unique_ptr<Tokenizer> open_tiktoken(const std::filesystem::path& file, const TokenizerConfig& config);

}  // namespace shorten::text
