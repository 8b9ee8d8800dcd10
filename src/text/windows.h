// SPDX-License-Identifier: Apache-2.0
// Token streams → rows of equal length: calibration samples, and the windows of a perplexity.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/source.h"

namespace shorten::text {

struct SampleOptions {
  int64_t samples = 10;
  int64_t length = 128;  // tokens of a row, including a BOS of Bos::kEvery
  Bos bos = Bos::kDocument;
  uint64_t seed = 1234;
};

// Calibration rows, the same on every platform. Every document is cut into consecutive windows of
// `length` (Bos::kEvery: length - 1, then a BOS goes in front) tokens, starting at an offset drawn
// uniformly from [0, tokens mod length]; `samples` windows of all are then drawn without replacement
// and returned in the order of the text. Draws come from Random(seed): one per document that has at
// least one window, in order, then a partial Fisher-Yates shuffle.
// With Bos::kDocument the BOS of a document is in a row only if its first window begins at offset 0.
// Documents of ready ids take part like others but never get a BOS; a ready document of exactly
// `length` tokens is one row, used as it is.
// Throws bad_input if there are fewer windows than samples, saying how many there are.
std::vector<std::vector<TokenId>> sample_windows(const std::vector<Document>& documents, const Tokenizer* tokenizer,
                                                 const SampleOptions& options, int64_t vocabulary);

// One window of a perplexity: `ids` go through the model; the targets are positions
// first_target .. ids.size()-1 (position p is predicted from the ones before it).
struct Window {
  std::vector<TokenId> ids;
  int64_t first_target = 1;
  // The last id goes through the model too, though nothing is predicted from it: it counts for the length of the row,
  // which some rotary embeddings depend on.
  bool reads_last = false;
};

// What a model makes of a window's targets.
struct WindowScore {
  std::vector<float> logprobs;  // log p(ids[p] | ids[0..p)) for p = first_target .. ids.size() - 1, nats
  double sum = 0;               // of these
  bool greedy = true;           // each target was the likeliest token (the first of equals)
};

// The windows of one text by the protocol of docs/protocols.md: windows of `window` tokens every
// `stride` tokens; what is left at the end and is shorter than a window is dropped; with
// stride < window each later window scores only its last `stride` tokens. With Bos::kEvery each
// window is `window` tokens of text with a BOS in front (window + 1 ids, `window` targets).
// Windows never cross documents. A ready document shorter than a window is one window as it is.
// `stream_tokens` receives the number of tokens of all documents, with a document BOS, without those
// of Bos::kEvery. Throws bad_input if no window comes out.
std::vector<Window> perplexity_windows(const std::vector<Document>& documents, const Tokenizer* tokenizer,
                                       int64_t window, int64_t stride, Bos bos, int64_t vocabulary,
                                       int64_t& stream_tokens);

// SHA-256 of ids as little-endian int32, row after row.
std::string tokens_sha256(const std::vector<std::vector<TokenId>>& rows);

}  // namespace shorten::text
