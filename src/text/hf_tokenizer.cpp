// SPDX-License-Identifier: Apache-2.0
#include "text/hf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/error.h"
#include "text/parts.h"
#include "text/tokenizer_file.h"

namespace shorten::text {
namespace {

const Json& part(const Json& parts, std::string_view key) {
  static const Json kNull;
  const auto it = parts.find(std::string(key));
  return it == parts.end() ? kNull : *it;
}

// The added tokens of the file; then those that only tokenizer_config.json has (where the two
// contradict, the file counts), and tokens of the vocabulary that it calls special.
std::vector<AddedToken> collect_added(const Json& parts, const Vocabulary& vocabulary, const TokenizerConfig& config,
                                      const std::filesystem::path& file) {
  std::vector<AddedToken> tokens;
  std::unordered_set<std::string> contents;
  std::unordered_set<TokenId> ids;
  const auto add = [&](AddedToken token, const std::filesystem::path& from) {
    const auto fail = [&](std::string found) {
      return bad_input("an added token contradicts the vocabulary")
          .file(from)
          .where(fmt::format("added token {} \"{}\"", token.id, token.content))
          .found(std::move(found));
    };
    if (const auto id = vocabulary.find(token.content); id && *id != token.id) {
      throw fail(fmt::format("id {} in the vocabulary", *id));
    }
    if (const std::string* other = vocabulary.token(token.id); other && *other != token.content) {
      throw fail(fmt::format("\"{}\" has this id", *other));
    }
    contents.insert(token.content);
    ids.insert(token.id);
    tokens.push_back(std::move(token));
  };
  if (const Json& list = part(parts, "added_tokens"); !list.is_null()) {
    if (!list.is_array()) throw bad_input("not an array").file(file).where("key \"added_tokens\"");
    for (size_t i = 0; i < list.size(); ++i) {
      const JsonObject entry(list[i], file, fmt::format("added_tokens[{}]", i));
      add(parse_added_token(entry, static_cast<TokenId>(entry.integer("id", 0, kMaxTokenId))), file);
    }
  }
  for (const AddedToken& token : config.added) {
    const std::string* same_id = vocabulary.token(token.id);
    const bool contradicts =
        ids.contains(token.id) || (same_id ? *same_id != token.content : vocabulary.find(token.content).has_value());
    if (!contents.contains(token.content) && !contradicts) add(token, config.file);
  }
  for (const std::string& content : config.special) {
    const auto id = vocabulary.find(content);
    if (!id || contents.contains(content)) continue;
    AddedToken token;
    token.id = *id;
    token.content = content;
    token.special = true;
    add(std::move(token), config.file);
  }
  return tokens;
}

Bpe parse_model(TokenizerFile& tokenizer, const std::filesystem::path& file) {
  const JsonObject root(tokenizer.rest, file);
  const JsonObject model = root.object("model");
  const std::string type = model.string_or("type", "BPE");
  if (type != "BPE") throw unknown_part(file, "model", type, {"BPE"});
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.string_or(key, "").empty())
      throw unknown_part(file, fmt::format("model, key \"{}\"", key), model.string(key), {"null"});
  }
  if (model.number_or("dropout", 0) != 0)
    throw unknown_part(file, "model, key \"dropout\"", model.at("dropout").dump(), {"null"});
  if (tokenizer.vocabulary.empty())
    throw bad_input("the tokenizer has no vocabulary").file(file).where("model, key \"vocab\"");
  BpeOptions options;
  if (model.has("unk_token")) options.unk_token = model.string("unk_token");
  options.fuse_unk = model.boolean_or("fuse_unk", false);
  options.byte_fallback = model.boolean_or("byte_fallback", false);
  options.ignore_merges = model.boolean_or("ignore_merges", false);
  return Bpe(Vocabulary(std::move(tokenizer.vocabulary), file), tokenizer.merges, std::move(options), file);
}

}  // namespace

HfTokenizer::HfTokenizer(const Json& parts, Bpe model, const TokenizerConfig& config, const std::filesystem::path& file)
    : model_(std::move(model)),
      normalizers_(parse_normalizer(part(parts, "normalizer"), file)),
      pre_tokenizers_(parse_pre_tokenizer(part(parts, "pre_tokenizer"), file)),
      decoders_(parse_decoder(part(parts, "decoder"), file)),
      added_(
          collect_added(parts, model_.vocabulary(), config, file),
          [this](std::string_view text) { return normalize(normalizers_, text); }, file) {
  file_ = file;
  set_surroundings(parts, config);
}

void HfTokenizer::set_surroundings(const Json& parts, const TokenizerConfig& config) {
  surroundings_ = parse_post_processor(part(parts, "post_processor"), file_);
  for (const std::vector<TokenId>* ids : {&surroundings_.before, &surroundings_.after}) {
    for (const TokenId id : *ids) {
      if (id >= vocabulary()) {
        throw bad_input("the post-processor adds a token that is not in the vocabulary")
            .file(file_)
            .where("post_processor")
            .found(fmt::format("id {}", id));
      }
    }
  }
  if (!surroundings_.before.empty()) bos_ = surroundings_.before.front();
  if (!surroundings_.after.empty()) eos_ = surroundings_.after.back();
  if (config.names_bos) bos_ = config.bos ? std::optional(config.id_in(*this, "bos_token")) : std::nullopt;
  if (config.names_eos) eos_ = config.eos ? token_to_id(*config.eos) : std::nullopt;
  if (!config.add_bos && !config.add_eos) return;
  // Transformers: where one of them is given, the two replace the post-processor.
  surroundings_ = {};
  if (config.add_bos.value_or(false) && bos_) surroundings_.before.push_back(*bos_);
  if (config.add_eos.value_or(false) && config.eos) surroundings_.after.push_back(config.id_in(*this, "eos_token"));
}

std::vector<TokenId> HfTokenizer::encode(std::string_view text) const {
  SharedWordCache::Lease cache(cache_);
  std::vector<TokenId> out;
  const PieceSink encode_word = [&](const Piece& word) { model_.encode(word.text, *cache, out); };
  added_.split(text, false, [&](std::string_view section, std::optional<TokenId> token) {
    if (token) {
      out.push_back(*token);
      return;
    }
    const std::string normal = normalize(normalizers_, section);
    added_.split(normal, true, [&](std::string_view piece, std::optional<TokenId> normal_token) {
      if (normal_token) {
        out.push_back(*normal_token);
      } else {
        pre_tokenize(pre_tokenizers_, {piece, section.data() == text.data() && piece.data() == normal.data()},
                     encode_word);
      }
    });
  });
  return out;
}

std::vector<TokenId> HfTokenizer::encode_with_special(std::string_view text) const {
  std::vector<TokenId> out = surroundings_.before;
  const std::vector<TokenId> ids = encode(text);
  out.insert(out.end(), ids.begin(), ids.end());
  out.insert(out.end(), surroundings_.after.begin(), surroundings_.after.end());
  return out;
}

std::string HfTokenizer::decode(const std::vector<TokenId>& ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (const TokenId id : ids) {
    if (const AddedToken* added = added_.find(id)) {
      if (!skip_special || !added->special) tokens.push_back(added->decoded);
    } else if (const std::string* token = model_.vocabulary().token(id)) {
      tokens.push_back(*token);
    }
  }
  return decode_tokens(decoders_, std::move(tokens));
}

int64_t HfTokenizer::vocabulary() const { return std::max(model_.vocabulary().end(), added_.end()); }

std::optional<TokenId> HfTokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = added_.find(token)) return added->id;
  return model_.vocabulary().find(token);
}

std::unique_ptr<Tokenizer> open_tokenizer_json(const std::filesystem::path& file, const TokenizerConfig& config) {
  TokenizerFile tokenizer = read_tokenizer_json(file);
  Bpe model = parse_model(tokenizer, file);
  return std::make_unique<HfTokenizer>(tokenizer.rest, std::move(model), config, file);
}

}  // namespace shorten::text
