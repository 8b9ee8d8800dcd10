// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.json, vocab.json and merges.txt. The two large tables go straight into vectors; what
// is left of tokenizer.json is small and comes back as JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "text/bpe.h"

namespace shorten::text {

using VocabularyEntries = std::vector<std::pair<std::string, int64_t>>;

struct TokenizerFile {
  Json rest;  // all but model.vocab and model.merges
  VocabularyEntries vocabulary;
  std::vector<MergeRule> merges;
};

// Each throws bad_input that names the file and the place in it.
TokenizerFile read_tokenizer_json(const std::filesystem::path& file);
VocabularyEntries read_vocab_json(const std::filesystem::path& file);
std::vector<MergeRule> read_merges_txt(const std::filesystem::path& file);

}  // namespace shorten::text
