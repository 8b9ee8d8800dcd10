// SPDX-License-Identifier: Apache-2.0
// The tokenizers that are described by parts (the files of Hugging Face `tokenizers`): normalizer →
// pre-tokenizer → BPE → post-processor, with added tokens cut out before.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace shorten::text {

class HfTokenizer : public Tokenizer {
 public:
  // `parts` has the keys "normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens" of
  // tokenizer.json (absent or null: none); `file` is named in errors.
  HfTokenizer(const Json& parts, Bpe model, const TokenizerConfig& config, const std::filesystem::path& file);

  std::vector<TokenId> encode(std::string_view text) const override;
  std::vector<TokenId> encode_with_special(std::string_view text) const override;
  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override;
  int64_t vocabulary() const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override;

 private:
  void set_surroundings(const Json& parts, const TokenizerConfig& config);

  Bpe model_;
  std::vector<Normalizer> normalizers_;
  std::vector<PreTokenizer> pre_tokenizers_;
  std::optional<std::vector<Decoder>> decoders_;
  AddedTokens added_;
  Surroundings surroundings_;
  mutable SharedWordCache cache_;
};

// tokenizer.json
std::unique_ptr<Tokenizer> open_tokenizer_json(const std::filesystem::path& file, const TokenizerConfig& config);
// vocab.json and merges.txt of a family named by tokenizer_config.json
std::unique_ptr<Tokenizer> open_byte_level_family(const std::filesystem::path& model_dir,
                                                  const TokenizerConfig& config);

}  // namespace shorten::text
