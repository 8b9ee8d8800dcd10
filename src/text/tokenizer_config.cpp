// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_config.h"

#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "text/vocabulary.h"

namespace shorten::text {
namespace {

// A token is a string or an object with the string as "content". An empty one, as in old LLaMA
// uploads, is none.
std::optional<std::string> token_text(const JsonObject& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  std::string token = config.at(key).is_object() ? config.object(key).string("content") : config.string(key);
  if (token.empty()) return std::nullopt;
  return token;
}

TokenId parse_id(const JsonObject& entries, const std::string& key) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxTokenId) {
    throw entries.error("not a token id", key);
  }
  return static_cast<TokenId>(id);
}

}  // namespace

AddedToken parse_added_token(const JsonObject& entry, TokenId id) {
  AddedToken token;
  token.id = id;
  token.content = entry.string("content");
  token.special = entry.boolean_or("special", false);
  token.single_word = entry.boolean_or("single_word", false);
  token.lstrip = entry.boolean_or("lstrip", false);
  token.rstrip = entry.boolean_or("rstrip", false);
  token.normalized = entry.boolean_or("normalized", !token.special);
  return token;
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& model_dir) {
  TokenizerConfig out;
  out.file = model_dir / "tokenizer_config.json";
  if (!std::filesystem::exists(out.file)) return out;
  const Json json = read_json(out.file);
  const JsonObject config(json, out.file);
  out.tokenizer_class = config.string_or("tokenizer_class", "");
  if (out.tokenizer_class.ends_with("Fast")) out.tokenizer_class.resize(out.tokenizer_class.size() - 4);
  out.names_bos = json.contains("bos_token");
  out.names_eos = json.contains("eos_token");
  out.bos = token_text(config, "bos_token");
  out.eos = token_text(config, "eos_token");
  if (config.has("add_bos_token")) out.add_bos = config.boolean("add_bos_token");
  if (config.has("add_eos_token")) out.add_eos = config.boolean("add_eos_token");
  out.add_prefix_space = config.boolean_or("add_prefix_space", false);
  for (const std::string_view key :
       {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"}) {
    if (auto token = token_text(config, key)) out.special.push_back(std::move(*token));
  }
  if (config.has("additional_special_tokens")) {
    for (const Json& token : config.array("additional_special_tokens")) {
      if (token.is_string()) out.special.push_back(token.get<std::string>());
      if (token.is_object())
        out.special.push_back(JsonObject(token, out.file, "additional_special_tokens").string("content"));
    }
  }
  if (config.has("added_tokens_decoder")) {
    const JsonObject entries = config.object("added_tokens_decoder");
    for (const auto& [key, value] : entries.value().items()) {
      out.added.push_back(parse_added_token(entries.object(key), parse_id(entries, key)));
    }
  }
  return out;
}

TokenId TokenizerConfig::id_in(const Tokenizer& tokenizer, std::string_view key) const {
  const std::string& token = *(key == "bos_token" ? bos : eos);
  if (const auto id = tokenizer.token_to_id(token)) return *id;
  throw bad_input("a special token is not in the vocabulary")
      .file(file)
      .where(fmt::format("key \"{}\"", key))
      .found(token);
}

}  // namespace shorten::text
