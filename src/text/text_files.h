// SPDX-License-Identifier: Apache-2.0
// The files that texts and training data come in: .txt and .raw are one text, .jsonl has a JSON value a line, .json is
// an array of such values; a folder stands for the files directly in it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/json.h"

namespace shorten::text {

struct TextFile {
  fs::path file;
  std::string content;  // valid UTF-8, not empty, without a leading byte-order mark
  std::string sha256;   // of the bytes of the file

  bool has_entries() const;  // .jsonl or .json: for_each_entry reads it
};

// The file itself, or the files of a folder by name in byte order, other than known kinds passed over. Throws bad_input
// if there is none.
std::vector<fs::path> list_text_files(const std::string& path);

// Throws bad_input if the file is of no known kind, empty or not UTF-8.
TextFile read_text_file(const fs::path& file);

// Hands over each of `path`'s files in turn. Returns the SHA-256 of a file's bytes; of a folder that of the lines
// "<sha256>  <name>\n" of its files.
std::string read_text_files(const std::string& path, const std::function<void(const TextFile&)>& use);

// Hands over each entry with its place ("line 12", "entry 3") until `use` returns false. Throws bad_input if there is
// none, for an empty line that is not the last, and for what is no JSON.
void for_each_entry(const TextFile& file, const std::function<bool(const Json& entry, const std::string& where)>& use);

}  // namespace shorten::text
