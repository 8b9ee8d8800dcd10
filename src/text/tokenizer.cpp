// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include "core/error.h"
#include "text/hf_tokenizer.h"
#include "text/spm_tokenizer.h"
#include "text/tiktoken.h"
#include "text/tokenizer_config.h"

namespace shorten::text {

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& model_dir, TokenizerKind kind) {
  if (!fs::is_directory(model_dir)) throw bad_input("not a model directory").file(model_dir);
  const TokenizerConfig config = read_tokenizer_config(model_dir);
  const fs::path json = model_dir / "tokenizer.json", model = model_dir / "tokenizer.model";
  const bool json_wanted = kind != TokenizerKind::kSentencePiece, model_wanted = kind != TokenizerKind::kJson;
  if (json_wanted && fs::exists(json)) return open_tokenizer_json(json, config);
  if (model_wanted && fs::exists(model)) {
    return is_tiktoken_file(model) ? open_tiktoken(model, config) : open_sentencepiece(model, config);
  }
  if (json_wanted && fs::exists(model_dir / "vocab.json") && fs::exists(model_dir / "merges.txt")) {
    return open_byte_level_family(model_dir, config);
  }
  throw bad_input("the model has no tokenizer")
      .file(model_dir)
      .expected(kind == TokenizerKind::kJson ? "tokenizer.json, or vocab.json with merges.txt"
                : kind == TokenizerKind::kSentencePiece
                    ? "tokenizer.model"
                    : "tokenizer.json, tokenizer.model, or vocab.json with merges.txt");
}

}  // namespace shorten::text
