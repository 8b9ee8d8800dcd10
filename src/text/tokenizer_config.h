// SPDX-License-Identifier: Apache-2.0
// tokenizer_config.json: what Transformers keeps beside the tokenizer itself.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "text/added_tokens.h"
#include "text/tokenizer.h"

namespace shorten::text {

struct TokenizerConfig {
  std::filesystem::path file;   // also where it does not exist
  std::string tokenizer_class;  // without "Fast"; empty if not given
  bool names_bos = false;       // there is a key bos_token, maybe null
  bool names_eos = false;       // or eos_token
  std::optional<std::string> bos, eos;
  std::optional<bool> add_bos, add_eos;
  bool add_prefix_space = false;
  std::vector<AddedToken> added;     // added_tokens_decoder
  std::vector<std::string> special;  // bos_token, eos_token, unk_token, ..., additional_special_tokens

  // What the tokenizer calls the "bos_token" or "eos_token", which is given. Throws bad_input if it has no such token.
  TokenId id_in(const Tokenizer& tokenizer, std::string_view key) const;
};

// All empty if the directory has no such file.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& model_dir);

// One entry of "added_tokens" or of "added_tokens_decoder".
AddedToken parse_added_token(const JsonObject& entry, TokenId id);

}  // namespace shorten::text
