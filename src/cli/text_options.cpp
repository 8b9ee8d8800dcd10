// SPDX-License-Identifier: Apache-2.0
#include "cli/text_options.h"

#include <fmt/format.h>

#include "core/error.h"

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

void add_text_options(CLI::App& app, jobs::TextRequest& request) {
  app.add_option_function<std::string>(
         "--bos", [&request](const std::string& mode) { request.bos = text::parse_bos(mode); },
         "document, every or none: where the BOS token goes [document]")
      ->type_name("MODE");
  add_tokenizer_option(app, request.tokenizer);
}

void add_tokenizer_option(CLI::App& app, std::optional<text::TokenizerKind>& kind, const std::string& group) {
  app.add_option_function<std::string>(
         "--tokenizer", [&kind](const std::string& name) { kind = parse_kind(name); },
         "auto, json or sentencepiece [auto]")
      ->type_name("KIND")
      ->group(group);
}

}  // namespace shorten::cli
