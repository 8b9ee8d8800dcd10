// SPDX-License-Identifier: Apache-2.0
#include "jobs/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "core/utf8.h"

namespace shorten::jobs {

std::unique_ptr<text::Tokenizer> open_for(const std::vector<text::Document>& documents, const family::Model& model,
                                          const TextRequest& request) {
  const auto ready = [](const text::Document& d) { return d.ready; };
  return std::all_of(documents.begin(), documents.end(), ready) ? nullptr : open_tokenizer(model, request);
}

std::unique_ptr<text::Tokenizer> open_tokenizer(const family::Model& model, const TextRequest& request) {
  return text::open_tokenizer(model.dir(), request.tokenizer.value_or(text::TokenizerKind::kAuto));
}

std::unique_ptr<text::Tokenizer> tokenizer_if_any(const family::Model& model, const TextRequest& request) {
  try {
    return open_tokenizer(model, request);
  } catch (const Error&) {
    return nullptr;
  }
}

std::vector<text::TokenId> encode_prompt(const std::string& prompt, const text::Tokenizer& tokenizer,
                                         const family::ModelSpec& spec) {
  if (const size_t at = find_invalid_utf8(prompt); at != std::string::npos)
    throw usage_error("the prompt is not UTF-8").field("prompt").found(fmt::format("byte {} of it", at));
  std::vector<text::TokenId> ids = tokenizer.encode_with_special(prompt);
  if (ids.empty()) throw usage_error("the prompt has no tokens").field("prompt");
  if (const auto largest = std::max_element(ids.begin(), ids.end()); *largest >= spec.vocabulary) {
    throw bad_input("a token id that the model does not have")
        .file(tokenizer.file())
        .expected(fmt::format("ids below {}", spec.vocabulary))
        .found(fmt::format("{}", *largest));
  }
  if (static_cast<int64_t>(ids.size()) >= spec.max_positions) {
    throw usage_error("the prompt is longer than the model's context")
        .field("prompt")
        .expected(fmt::format("fewer than {} tokens", spec.max_positions))
        .found(fmt::format("{}", ids.size()))
        .help("shorten the prompt; nothing is cut silently");
  }
  return ids;
}

text::Bos resolve_bos(const TextRequest& request, const text::Tokenizer* tokenizer) {
  const text::Bos wanted = request.bos.value_or(text::Bos::kDocument);
  if (wanted == text::Bos::kNone || !tokenizer || tokenizer->bos()) return tokenizer ? wanted : text::Bos::kNone;
  if (request.bos) throw usage_error("this model has no BOS token").file(tokenizer->file()).expected("`bos` none");
  log_info("the tokenizer has no BOS token: none is put in front of texts");
  return text::Bos::kNone;
}

}  // namespace shorten::jobs
