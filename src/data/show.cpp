// SPDX-License-Identifier: Apache-2.0
#include "data/show.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::data {
namespace {

// Decoders take away a space at the beginning of a text, so a token's own text is what it adds behind another one.
std::string token_text(TokenId id, const text::Tokenizer& tokenizer) {
  const std::string once = tokenizer.decode({id}, false), twice = tokenizer.decode({id, id}, false);
  return twice.starts_with(once) ? twice.substr(once.size()) : once;
}

// At most 48 bytes: an escape takes four for one.
std::string short_text(const std::string& text) {
  constexpr size_t kBytes = 48;
  size_t limit = kBytes;
  std::string out = printable(text, limit);
  while (out.size() > kBytes) out = printable(text, --limit);
  return out;
}

}  // namespace

std::string show(const Example& example, const text::Tokenizer* tokenizer) {
  std::string out = fmt::format("{} tokens, {} learnt\n", example.ids.size(), count_targets(example));
  out += fmt::format("{:>7}  {:>7}  {:>7}{}\n", "place", "id", "learnt", tokenizer ? "  token" : "");
  for (size_t p = 0; p < example.ids.size(); ++p) {
    const TokenId id = example.ids[p], label = example.labels[p];
    const std::string learnt = p == 0 || label == kIgnored ? "-" : label == id ? "yes" : fmt::format("{}", label);
    out += fmt::format("{:>7}  {:>7}  {:>7}", p, id, learnt);
    if (tokenizer) out += fmt::format("  \"{}\"", short_text(token_text(id, *tokenizer)));
    out += '\n';
  }
  return out;
}

}  // namespace shorten::data
