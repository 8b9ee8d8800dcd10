// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "core/error.h"
#include "core/utf8.h"
#include "text/unicode.h"

namespace shorten::text {
namespace {

constexpr size_t kBmp = 0x10000;
constexpr size_t kFewSymbols = 48;  // up to here a scan over all pairs beats a queue

size_t character_class(std::string_view text, size_t at, size_t& length) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) {
    length = 1;
    return first;
  }
  length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return text.substr(at, length) == kMetaspace ? 128 : 129;
}

size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

MergeTable resolve(const std::vector<MergeRule>& rules, const Vocabulary& vocabulary,
                   const std::filesystem::path& file) {
  MergeTable table(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string_view text = rules[i].text;
    const auto id = [&](std::string_view piece) {
      const auto found = vocabulary.find(piece);
      if (!found) {
        throw bad_input("a merge needs a token that is not in the vocabulary")
            .file(file)
            .where(fmt::format("merge {} (\"{}\" with \"{}\")", i, text.substr(0, rules[i].split),
                               text.substr(rules[i].split)))
            .found(fmt::format("\"{}\"", piece));
      }
      return *found;
    };
    table.set(id(text.substr(0, rules[i].split)), id(text.substr(rules[i].split)), {rules[i].rank, id(text)});
  }
  return table;
}

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, const std::vector<MergeRule>& rules, BpeOptions options,
         const std::filesystem::path& file)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)), merges_(resolve(rules, vocabulary_, file)) {
  find_special_ids(file);
  find_cuts(rules);
}

void Bpe::find_special_ids(const std::filesystem::path& file) {
  bmp_ids_.assign(kBmp, -1);
  for (int64_t id = 0; id < vocabulary_.end(); ++id) {
    const std::string* token = vocabulary_.token(static_cast<TokenId>(id));
    if (!token || token->empty() || token->size() > 3) continue;
    if (utf8_sequence_length(*token, 0) != token->size()) continue;
    bmp_ids_[utf8_decode(*token, 0, token->size())] = static_cast<TokenId>(id);
  }
  byte_ids_.fill(-1);
  if (options_.byte_fallback) {
    for (size_t b = 0; b < 256; ++b) byte_ids_[b] = vocabulary_.find(fmt::format("<0x{:02X}>", b)).value_or(-1);
  }
  if (options_.unk_token) {
    unk_id_ = vocabulary_.find(*options_.unk_token);
    if (!unk_id_) {
      throw bad_input("the unknown token is not in the vocabulary")
          .file(file)
          .where("key \"unk_token\"")
          .found(fmt::format("\"{}\"", *options_.unk_token));
    }
  }
}

void Bpe::find_cuts(const std::vector<MergeRule>& rules) {
  joinable_.assign(kClasses * kClasses, 0);
  const auto is_fallback = [&](std::string_view piece) {
    if (options_.unk_token && piece == *options_.unk_token) return true;
    return options_.byte_fallback && piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with(">");
  };
  for (const MergeRule& rule : rules) {
    const std::string_view left = std::string_view(rule.text).substr(0, rule.split);
    const std::string_view right = std::string_view(rule.text).substr(rule.split);
    // Tokens that stand for characters of another spelling: the table by characters cannot know.
    if (left.empty() || right.empty() || is_fallback(left) || is_fallback(right)) return;
    size_t length = 0;
    const size_t before = character_class(left, last_character(left), length);
    joinable_[before * kClasses + character_class(right, 0, length)] = 1;
  }
  // Behind the cut there must be a character of the vocabulary: it ends a run of unknown ones.
  // In front of it there must be a symbol at all: without any fallback an unknown character vanishes,
  // and its neighbours meet.
  const bool always_a_symbol = unk_id_ || std::find(byte_ids_.begin(), byte_ids_.end(), -1) == byte_ids_.end();
  const auto known = [&](size_t c) {
    return c == kMetaspaceClass ? bmp_ids_[0x2581] >= 0 : c != kOtherClass && bmp_ids_[c] >= 0;
  };
  for (size_t before = 0; before < kClasses; ++before) {
    for (size_t after = 0; after < kClasses; ++after) {
      if (!known(after) || (!always_a_symbol && !known(before))) joinable_[before * kClasses + after] = 1;
    }
  }
  may_cut_ = true;
}

void Bpe::encode(std::string_view word, WordCache& cache, std::vector<TokenId>& out) const {
  if (word.empty()) return;
  if (options_.ignore_merges) {
    if (const auto id = vocabulary_.find(word)) {
      out.push_back(*id);
      return;
    }
  }
  if (!may_cut_ || word.size() <= WordCache::kMaxBytes) return encode_chunk(word, cache, out);
  size_t start = 0, length = 0;
  size_t before = character_class(word, 0, length);
  for (size_t at = length; at < word.size(); at += length) {
    const size_t after = character_class(word, at, length);
    if (!joinable_[before * kClasses + after]) {
      encode_chunk(word.substr(start, at - start), cache, out);
      start = at;
    }
    before = after;
  }
  encode_chunk(word.substr(start), cache, out);
}

void Bpe::encode_chunk(std::string_view chunk, WordCache& cache, std::vector<TokenId>& out) const {
  const bool cached = chunk.size() <= WordCache::kMaxBytes;
  WordCache::Key key;
  if (cached) {
    key = WordCache::key(chunk);
    if (cache.find(key, out)) return;
  }
  const size_t before = out.size();
  std::vector<TokenId> symbols;
  append_symbols(chunk, symbols);
  if (symbols.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw unsupported("a word of the text is too long").expected("at most 2^31 characters");
  }
  symbols.size() <= kFewSymbols ? merge_few(symbols, out) : merge_many(symbols, out);
  if (cached) cache.store(key, std::span(out).subspan(before));
}

TokenId Bpe::character_id(std::string_view text, size_t at, size_t length) const {
  if (length < 4) return bmp_ids_[utf8_decode(text, at, length)];
  return vocabulary_.find(text.substr(at, length)).value_or(-1);
}

void Bpe::append_symbols(std::string_view chunk, std::vector<TokenId>& symbols) const {
  symbols.reserve(chunk.size());
  bool unknown = false;  // an unknown token waits to be written
  for (size_t at = 0, length = 0; at < chunk.size(); at += length) {
    character_class(chunk, at, length);
    if (const TokenId id = character_id(chunk, at, length); id >= 0) {
      if (unknown) symbols.push_back(*unk_id_);
      unknown = false;
      symbols.push_back(id);
      continue;
    }
    bool all_bytes = options_.byte_fallback;
    for (size_t i = 0; i < length; ++i) all_bytes &= byte_ids_[static_cast<unsigned char>(chunk[at + i])] >= 0;
    if (all_bytes) {  // a waiting unknown token goes on waiting: so does the library's
      for (size_t i = 0; i < length; ++i) symbols.push_back(byte_ids_[static_cast<unsigned char>(chunk[at + i])]);
    } else if (unk_id_) {
      if (unknown && !options_.fuse_unk) symbols.push_back(*unk_id_);
      unknown = true;
    }
  }
  if (unknown) symbols.push_back(*unk_id_);
}

}  // namespace shorten::text
