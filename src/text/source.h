// SPDX-License-Identifier: Apache-2.0
// SOURCE on the command line → documents of token ids. docs/formats.md lists what a source may be.
#pragma once

#include <string>
#include <vector>

#include "core/file.h"
#include "text/tokenizer.h"

namespace shorten::text {

// A document is either text or ready token ids.
struct Document {
  std::string text;
  std::vector<TokenId> ids;
  bool ready = false;  // `ids` are to be used as they are: no tokenizer, no BOS
  std::string where;   // "line 12", for errors; empty for a whole file
  fs::path file;
};

struct Source {
  std::string path;    // as given
  std::string sha256;  // of the bytes of the file (of a folder: of its files' names and hashes, sorted)
  std::vector<Document> documents;
};

// Reads a .txt/.raw file (one document), .jsonl (a document a line), .json (an array of the same) or a
// folder of these (sorted by name). Throws bad_input with file and line: missing, empty, not UTF-8,
// neither "text" nor "input_ids", ids that are no non-negative integers.
Source read_source(const std::string& path);

enum class Bos { kDocument, kEvery, kNone };
std::string_view bos_name(Bos bos);  // "document"
Bos parse_bos(std::string_view text);

// Token ids of every document. Texts get one BOS in front with Bos::kDocument; ready ids get nothing.
// `tokenizer` may be null if all documents are ready. Ids not below `vocabulary` (the number of rows
// of the embedding) are an error that names the document.
std::vector<std::vector<TokenId>> tokenize(const std::vector<Document>& documents, const Tokenizer* tokenizer, Bos bos,
                                           int64_t vocabulary);

}  // namespace shorten::text
