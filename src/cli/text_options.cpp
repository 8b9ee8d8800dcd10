// SPDX-License-Identifier: Apache-2.0
#include "cli/text_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/progress.h"
#include "core/utf8.h"

namespace shorten::cli {
namespace {

text::TokenizerKind parse_kind(const std::string& name) {
  if (name == "auto") return text::TokenizerKind::kAuto;
  if (name == "json") return text::TokenizerKind::kJson;
  if (name == "sentencepiece") return text::TokenizerKind::kSentencePiece;
  throw usage_error(fmt::format("unknown --tokenizer \"{}\"", printable(name, 40)))
      .expected("auto, json or sentencepiece");
}

}  // namespace

void add_text_options(CLI::App& app, TextOptions& o) {
  o.bos_given =
      app.add_option("--bos", o.bos, "document, every or none: where the BOS token goes [document]")->type_name("MODE");
  app.add_option("--tokenizer", o.tokenizer, "auto, json or sentencepiece [auto]")->type_name("KIND");
}

std::unique_ptr<text::Tokenizer> open_for(const std::vector<text::Document>& documents, const fs::path& model,
                                          const TextOptions& options) {
  const text::TokenizerKind kind = parse_kind(options.tokenizer);
  if (std::all_of(documents.begin(), documents.end(), [](const text::Document& d) { return d.ready; })) return nullptr;
  return text::open_tokenizer(model, kind);
}

std::unique_ptr<text::Tokenizer> open_tokenizer_of(const fs::path& model, const TextOptions& options) {
  return text::open_tokenizer(model, parse_kind(options.tokenizer));
}

std::unique_ptr<text::Tokenizer> tokenizer_if_any(const fs::path& model, const TextOptions& options) {
  try {
    return open_tokenizer_of(model, options);
  } catch (const Error&) {
    return nullptr;
  }
}

std::vector<text::TokenId> encode_prompt(const std::string& prompt, const text::Tokenizer& tokenizer,
                                         const family::ModelSpec& spec) {
  if (const size_t at = find_invalid_utf8(prompt); at != std::string::npos)
    throw usage_error("the prompt is not UTF-8").where("--prompt").found(fmt::format("byte {} of it", at));
  std::vector<text::TokenId> ids = tokenizer.encode_with_special(prompt);
  if (ids.empty()) throw usage_error("no token is left of the prompt").where("--prompt");
  if (const auto largest = std::max_element(ids.begin(), ids.end()); *largest >= spec.vocabulary) {
    throw bad_input("a token id that the model does not have")
        .file(tokenizer.file())
        .expected(fmt::format("ids below {}", spec.vocabulary))
        .found(fmt::format("{}", *largest));
  }
  if (static_cast<int64_t>(ids.size()) >= spec.max_positions) {
    throw usage_error("the prompt is longer than the model's context")
        .where("--prompt")
        .expected(fmt::format("fewer than {} tokens", spec.max_positions))
        .found(fmt::format("{}", ids.size()))
        .help("shorten the prompt; nothing is cut silently");
  }
  return ids;
}

text::Bos resolve_bos(const TextOptions& options, const text::Tokenizer* tokenizer) {
  const text::Bos wanted = text::parse_bos(options.bos);
  if (wanted == text::Bos::kNone || !tokenizer || tokenizer->bos()) return tokenizer ? wanted : text::Bos::kNone;
  if (options.bos_given && *options.bos_given) {
    throw usage_error("this model has no BOS token").file(tokenizer->file()).expected("--bos none");
  }
  log_info("the tokenizer has no BOS token: --bos none");
  return text::Bos::kNone;
}

}  // namespace shorten::cli
