// SPDX-License-Identifier: Apache-2.0
// tokenizer.model: a SentencePiece model (Kudo, Richardson 2018), run by libsentencepiece. Special
// tokens that are written out in a text (<s>) are plain text here, as in SentencePiece.
#pragma once

#include <filesystem>
#include <memory>

#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace shorten::text {

std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& file, const TokenizerConfig& config);

}  // namespace shorten::text
