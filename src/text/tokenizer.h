// SPDX-License-Identifier: Apache-2.0
// Text ↔ token ids, as the model was trained with them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace shorten::text {

using TokenId = int32_t;

// Two implementations: tokenizer.json (text/hf_tokenizer.h) and tokenizer.model (text/spm_tokenizer.h).
// Several threads may use one tokenizer at the same time.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The ids of `text` (valid UTF-8), without any token that the tokenizer adds around a text.
  // Literal special tokens in the text are what the tokenizer makes of them.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;

  // As a model's prompt: with the tokens added around a text by default (BOS, mostly).
  virtual std::vector<TokenId> encode_with_special(std::string_view text) const = 0;

  virtual std::string decode(const std::vector<TokenId>& ids, bool skip_special) const = 0;

  virtual int64_t vocabulary() const = 0;  // ids are below this
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;

  // The beginning-of-sequence token: tokenizer_config.json's bos_token, else the one that the
  // tokenizer itself names; absent where the model has none (Qwen2).
  std::optional<TokenId> bos() const { return bos_; }
  // The end-of-sequence token by the same rule; absent also where the vocabulary lacks the one that
  // tokenizer_config.json names, because few callers need it.
  std::optional<TokenId> eos() const { return eos_; }
  const fs::path& file() const { return file_; }

 protected:
  std::optional<TokenId> bos_, eos_;
  fs::path file_;
};

enum class TokenizerKind { kAuto, kJson, kSentencePiece };  // --tokenizer auto|json|sentencepiece

// Opens the tokenizer of a model directory: tokenizer.json if it is there, else tokenizer.model, else
// vocab.json + merges.txt where tokenizer_config.json names a byte-level family that we know (GPT-2, Qwen2).
// Throws bad_input (none there, damaged) or unsupported (a part that this version does not know).
std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& model_dir, TokenizerKind kind = TokenizerKind::kAuto);

}  // namespace shorten::text
