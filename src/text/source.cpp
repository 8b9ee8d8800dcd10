// SPDX-License-Identifier: Apache-2.0
#include "text/source.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "text/text_files.h"

namespace shorten::text {
namespace {

TokenId ready_id(const Json& value, const fs::path& file, const std::string& where) {
  constexpr int64_t kMax = std::numeric_limits<TokenId>::max();
  const bool fits = value.is_number_unsigned()
                        ? value.get<uint64_t>() <= static_cast<uint64_t>(kMax)
                        : value.is_number_integer() && value.get<int64_t>() >= 0 && value.get<int64_t>() <= kMax;
  if (!fits) {
    throw bad_input("not a token id")
        .file(file)
        .where(where + ", key \"input_ids\"")
        .expected(fmt::format("integers from 0 to {}", kMax))
        .found(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return static_cast<TokenId>(value.get<int64_t>());
}

Document parse_document(const Json& value, const fs::path& file, const std::string& where) {
  const JsonObject object(value, file, where);
  Document out;
  out.where = where;
  out.file = file;
  if (object.has("input_ids")) {
    out.ready = true;
    const Json& ids = object.array("input_ids");
    out.ids.reserve(ids.size());
    for (const Json& id : ids) out.ids.push_back(ready_id(id, file, where));
    if (out.ids.empty()) throw object.error("a document without tokens", "input_ids");
  } else if (object.has("text")) {
    out.text = object.string("text");
    if (out.text.empty()) throw object.error("an empty document", "text");
  } else {
    throw bad_input("neither a text nor token ids").file(file).where(where).expected("a key \"text\" or \"input_ids\"");
  }
  return out;
}

void read_documents(const TextFile& file, std::vector<Document>& out) {
  if (file.has_entries()) {
    for_each_entry(file, [&](const Json& entry, const std::string& where) {
      out.push_back(parse_document(entry, file.file, where));
      return true;
    });
  } else {
    Document whole;
    whole.text = file.content;
    whole.file = file.file;
    out.push_back(std::move(whole));
  }
}

constexpr std::array<std::pair<std::string_view, Bos>, 3> kBosNames{
    {{"document", Bos::kDocument}, {"every", Bos::kEvery}, {"none", Bos::kNone}}};

}  // namespace

Source read_source(const std::string& path) {
  Source source;
  source.path = path;
  source.sha256 = read_text_files(path, [&](const TextFile& file) { read_documents(file, source.documents); });
  return source;
}

std::string_view bos_name(Bos bos) {
  for (const auto& [name, value] : kBosNames) {
    if (value == bos) return name;
  }
  return "";
}

Bos parse_bos(std::string_view text) {
  for (const auto& [name, value] : kBosNames) {
    if (name == text) return value;
  }
  throw usage_error("not a way to place the BOS token")
      .field("bos")
      .expected("document, every or none")
      .found(std::string(text));
}

std::vector<std::vector<TokenId>> tokenize(const std::vector<Document>& documents, const Tokenizer* tokenizer, Bos bos,
                                           int64_t vocabulary) {
  std::vector<std::vector<TokenId>> out;
  out.reserve(documents.size());
  for (const Document& document : documents) {
    if (document.ready) {
      out.push_back(document.ids);
    } else {
      if (!tokenizer) {
        throw bad_input("a text, but the model has no tokenizer")
            .file(document.file)
            .where(document.where)
            .help("give ready token ids (key \"input_ids\")");
      }
      std::vector<TokenId> ids = tokenizer->encode(document.text);
      if (bos == Bos::kDocument && tokenizer->bos()) ids.insert(ids.begin(), *tokenizer->bos());
      out.push_back(std::move(ids));
    }
    for (const TokenId id : out.back()) {
      if (id < vocabulary) continue;
      Error error = bad_input("a token id that the model does not have");
      error.file(document.file)
          .where(document.where)
          .expected(fmt::format("ids below {}", vocabulary))
          .found(fmt::format("{}", id));
      if (!document.ready) error.help("the tokenizer is of another model: " + tokenizer->file().string());
      throw error;
    }
  }
  return out;
}

}  // namespace shorten::text
