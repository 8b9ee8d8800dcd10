// SPDX-License-Identifier: Apache-2.0
// Training files → examples. docs/healing.md lists the kinds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/example.h"
#include "data/template.h"

namespace shorten::data {

enum class Kind { kAlpaca, kCompletion, kMessages, kText, kReady };
std::string_view kind_name(Kind kind);  // "alpaca", "completion", "messages", "text", "ready"

struct ReadOptions {
  int64_t length = 256;          // tokens of a row at most; REQUIRES 2 or more
  bool train_on_prompt = false;  // prompts count too
  int64_t vocabulary = 0;        // ids are below this; REQUIRES 1 or more
  fs::path model;                // where its chat template is looked for
};

struct Dataset {
  std::string path, sha256;  // as given; of the bytes (of a folder: of names and hashes, sorted)
  Kind kind = Kind::kText;
  std::vector<Example> examples;
  int64_t truncated = 0;  // rows that lost their end
  int64_t dropped = 0;    // rows of which nothing would have counted
};

// A .json, .jsonl, .txt or .raw file, or a folder of these. The kind is found from the first entry and must be that of
// all. `tokenizer` may be null if all rows are ready. Throws bad_input with file and line or entry: missing, empty, not
// UTF-8, an entry without the needed keys (it lists those seen), ids or labels that the model does not have, labels of
// another number than ids, a ready row longer than `length`, nothing that counts at all.
Dataset read_dataset(const std::string& path, const text::Tokenizer* tokenizer, const ReadOptions& options);

// True if the first entry is a ready row: then all must be, and no tokenizer is needed.
bool is_ready(const std::string& path);

}  // namespace shorten::data
