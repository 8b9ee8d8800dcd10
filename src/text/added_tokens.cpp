// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"
#include "text/unicode.h"

namespace shorten::text {
namespace {

size_t character_before(std::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

char32_t character_at(std::string_view text, size_t at) {
  return utf8_decode(text, at, utf8_sequence_length(text, at));
}

bool stands_alone(std::string_view text, size_t start, size_t end) {
  return (start == 0 || !is_word(character_at(text, character_before(text, start)))) &&
         (end == text.size() || !is_word(character_at(text, end)));
}

}  // namespace

void AddedTokens::Tree::insert(std::string_view text, int32_t token) {
  if (text.empty()) return;
  first[static_cast<unsigned char>(text[0])] = true;
  uint32_t node = 0;
  for (const char c : text) {
    const auto [it, added] = nodes[node].next.try_emplace(static_cast<unsigned char>(c), nodes.size());
    node = it->second;
    if (added) nodes.emplace_back();
  }
  if (nodes[node].token < 0) nodes[node].token = token;
}

int32_t AddedTokens::Tree::longest(std::string_view text, size_t at, size_t& length) const {
  int32_t found = -1;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto it = nodes[node].next.find(static_cast<unsigned char>(text[i]));
    if (it == nodes[node].next.end()) break;
    node = it->second;
    if (nodes[node].token >= 0) {
      found = nodes[node].token;
      length = i + 1 - at;
    }
  }
  return found;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalize& normalize, const std::filesystem::path& file)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    AddedToken& token = tokens_[i];
    const auto fail = [&](std::string what) {
      return bad_input(std::move(what)).file(file).where(fmt::format("added token {} \"{}\"", token.id, token.content));
    };
    if (token.content.empty()) throw fail("an added token is empty");
    if (!by_id_.emplace(token.id, i).second) throw fail("two added tokens have the same id");
    if (!by_content_.emplace(token.content, i).second) throw fail("an added token is listed twice");
    end_ = std::max(end_, int64_t{token.id} + 1);
    token.decoded = token.normalized ? normalize(token.content) : token.content;
    (token.normalized ? normalized_ : raw_).insert(token.decoded, static_cast<int32_t>(i));
  }
}

void AddedTokens::split(std::string_view text, bool normalized, const Sink& sink) const {
  const Tree& tree = normalized ? normalized_ : raw_;
  size_t done = 0;  // everything before was given away
  for (size_t at = 0; at < text.size();) {
    if (!tree.first[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    size_t length = 0;
    const int32_t found = tree.longest(text, at, length);
    if (found < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(found)];
    size_t start = at, end = at + length;
    at = end;
    if (token.single_word && !stands_alone(text, start, end)) continue;
    if (token.lstrip) {
      while (start > done && is_space(character_at(text, character_before(text, start)))) {
        start = character_before(text, start);
      }
    }
    if (token.rstrip) {
      while (end < text.size() && is_space(character_at(text, end))) end += utf8_sequence_length(text, end);
    }
    if (done < start) sink(text.substr(done, start - done), std::nullopt);
    sink(text.substr(start, end - start), token.id);
    done = end;
  }
  if (done < text.size()) sink(text.substr(done), std::nullopt);
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto it = by_content_.find(std::string(content));
  return it == by_content_.end() ? nullptr : &tokens_[it->second];
}

}  // namespace shorten::text
