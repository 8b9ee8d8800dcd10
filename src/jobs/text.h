// SPDX-License-Identifier: Apache-2.0
// How the texts of a request become tokens of a model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "family/model.h"
#include "text/source.h"

namespace shorten::jobs {

struct TextRequest {
  std::optional<text::Bos> bos;                  // absent: kDocument where the tokenizer has a BOS token, else kNone
  std::optional<text::TokenizerKind> tokenizer;  // absent: kAuto
};

// The tokenizer of the model if one of the documents is text; null if all are ready ids.
std::unique_ptr<text::Tokenizer> open_for(const std::vector<text::Document>& documents, const family::Model& model,
                                          const TextRequest& request);

std::unique_ptr<text::Tokenizer> open_tokenizer(const family::Model& model, const TextRequest& request);

// The same, or null where there is none that opens: ready rows need none.
std::unique_ptr<text::Tokenizer> tokenizer_if_any(const family::Model& model, const TextRequest& request);

// The ids of a prompt, with what the tokenizer puts around a text. Throws usage_error if it is not UTF-8, empty, or
// does not leave the model's context room for a token.
std::vector<text::TokenId> encode_prompt(const std::string& prompt, const text::Tokenizer& tokenizer,
                                         const family::ModelSpec& spec);

// The BOS mode to use. A model without a BOS token gets none: where nothing was asked for, with a message; a BOS that
// was asked for is an error.
text::Bos resolve_bos(const TextRequest& request, const text::Tokenizer* tokenizer);

}  // namespace shorten::jobs
