// SPDX-License-Identifier: Apache-2.0
#include "text/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "core/sha256.h"

namespace shorten::text {
namespace {

struct Cut {
  size_t document;
  int64_t start, length;
  bool bos;  // one goes in front
};

// The BOS in front of every window of text; absent where there is none to be put.
std::optional<TokenId> window_bos(const std::vector<Document>& documents, const Tokenizer* tokenizer, Bos bos,
                                  int64_t vocabulary) {
  const bool any_text = std::any_of(documents.begin(), documents.end(), [](const Document& d) { return !d.ready; });
  if (bos != Bos::kEvery || !any_text || !tokenizer) return std::nullopt;
  if (!tokenizer->bos()) {
    throw usage_error("this model has no BOS token").field("bos", "every").help("use `bos` none");
  }
  if (*tokenizer->bos() >= vocabulary) {
    throw bad_input("the model does not have its tokenizer's BOS token")
        .file(tokenizer->file())
        .expected(fmt::format("an id below {}", vocabulary))
        .found(fmt::format("{}", *tokenizer->bos()));
  }
  return tokenizer->bos();
}

std::vector<TokenId> take(const std::vector<std::vector<TokenId>>& tokens, const Cut& cut, std::optional<TokenId> bos) {
  std::vector<TokenId> row;
  row.reserve(static_cast<size_t>(cut.length) + 1);
  if (cut.bos) row.push_back(*bos);
  const auto from = tokens[cut.document].begin() + cut.start;
  row.insert(row.end(), from, from + cut.length);
  return row;
}

}  // namespace

std::vector<std::vector<TokenId>> sample_windows(const std::vector<Document>& documents, const Tokenizer* tokenizer,
                                                 const SampleOptions& options, int64_t vocabulary) {
  if (options.samples < 1) throw usage_error("at least one sample is needed").found(fmt::format("{}", options.samples));
  if (options.length < 2)  // one token predicts nothing
    throw usage_error("a sample is too short").found(fmt::format("{}", options.length));
  const std::optional<TokenId> bos = window_bos(documents, tokenizer, options.bos, vocabulary);
  const auto tokens = tokenize(documents, tokenizer, options.bos, vocabulary);

  Random random(options.seed);
  std::vector<Cut> cuts;
  for (size_t d = 0; d < documents.size(); ++d) {
    const bool with_bos = bos && !documents[d].ready;
    const int64_t length = options.length - (with_bos ? 1 : 0);
    const auto count = static_cast<int64_t>(tokens[d].size());
    if (count < length) continue;
    auto start = static_cast<int64_t>(random.below(static_cast<uint64_t>(count % length + 1)));
    for (; start + length <= count; start += length) cuts.push_back({d, start, length, with_bos});
  }
  const auto wanted = static_cast<size_t>(options.samples);
  if (cuts.size() < wanted) {
    Error error = bad_input("the text is too short for the samples");
    error.expected(fmt::format("{} samples of {} tokens", options.samples, options.length))
        .found(fmt::format("{}", cuts.size()))
        .help("give more text, or take fewer or shorter samples");
    if (!documents.empty()) error.file(documents[0].file);
    throw error;
  }
  std::vector<size_t> order(cuts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = 0; i < wanted; ++i) std::swap(order[i], order[i + random.below(order.size() - i)]);
  order.resize(wanted);
  std::sort(order.begin(), order.end());
  std::vector<std::vector<TokenId>> rows;
  rows.reserve(wanted);
  for (const size_t i : order) rows.push_back(take(tokens, cuts[i], bos));
  return rows;
}

std::vector<Window> perplexity_windows(const std::vector<Document>& documents, const Tokenizer* tokenizer,
                                       int64_t window, int64_t stride, Bos bos, int64_t vocabulary,
                                       int64_t& stream_tokens) {
  if (window < 2)
    throw usage_error("a window needs at least two tokens").field("window").found(fmt::format("{}", window));
  if (stride < 1 || stride > window) {
    throw usage_error("the stride does not fit the window")
        .field("stride")
        .expected(fmt::format("1 to {}", window))
        .found(fmt::format("{}", stride));
  }
  const std::optional<TokenId> first = window_bos(documents, tokenizer, bos, vocabulary);
  const auto tokens = tokenize(documents, tokenizer, bos, vocabulary);
  stream_tokens = 0;
  std::vector<Window> out;
  for (size_t d = 0; d < documents.size(); ++d) {
    const auto count = static_cast<int64_t>(tokens[d].size());
    const bool with_bos = first && !documents[d].ready;
    stream_tokens += count;
    if (documents[d].ready && count < window) {
      if (count < 2) {
        throw bad_input("one token predicts nothing")
            .file(documents[d].file)
            .where(documents[d].where)
            .expected("at least 2 token ids");
      }
      out.push_back({tokens[d], 1, true});
      continue;
    }
    for (int64_t start = 0; start + window <= count; start += stride) {
      const int64_t already = start == 0 ? 0 : window - stride;  // scored by the window before
      const int64_t first_target = already + (with_bos ? 1 : 0);
      out.push_back({take(tokens, {d, start, window, with_bos}, first), std::max<int64_t>(1, first_target), true});
    }
  }
  if (out.empty()) {
    Error error = bad_input("the text is shorter than one window");
    error.expected(fmt::format("at least {} tokens in a document", window))
        .found(fmt::format("{} tokens in {} documents", stream_tokens, documents.size()));
    if (!documents.empty()) error.file(documents[0].file);
    throw error;
  }
  return out;
}

std::string tokens_sha256(const std::vector<std::vector<TokenId>>& rows) {
  Sha256 sha;
  for (const std::vector<TokenId>& row : rows) {
    std::vector<std::byte> bytes;
    bytes.reserve(4 * row.size());
    for (const TokenId id : row) {
      for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<std::byte>(static_cast<uint32_t>(id) >> shift & 0xFF));
    }
    sha.update(std::span<const std::byte>(bytes));
  }
  return sha.hex();
}

}  // namespace shorten::text
