// SPDX-License-Identifier: Apache-2.0
#include "text/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "core/sha256.h"
#include "core/utf8.h"

namespace shorten::text {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kKnownFiles = ".txt, .raw, .jsonl or .json";

std::string line_name(size_t line) { return fmt::format("line {}", line); }

void check_utf8(std::string_view text, const fs::path& file) {
  const size_t bad = find_invalid_utf8(text);
  if (bad == std::string_view::npos) return;
  const auto line =
      static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n'));
  throw bad_input("the text is not valid UTF-8")
      .file(file)
      .where(line_name(line + 1))
      .found(fmt::format("byte 0x{:02x} at offset {}", static_cast<unsigned char>(text[bad]), bad));
}

TokenId ready_id(const Json& value, const fs::path& file, const std::string& where) {
  constexpr int64_t kMax = std::numeric_limits<TokenId>::max();
  const bool fits = value.is_number_unsigned()
                        ? value.get<uint64_t>() <= static_cast<uint64_t>(kMax)
                        : value.is_number_integer() && value.get<int64_t>() >= 0 && value.get<int64_t>() <= kMax;
  if (!fits) {
    throw bad_input("not a token id")
        .file(file)
        .where(where + ", key \"input_ids\"")
        .expected(fmt::format("integers from 0 to {}", kMax))
        .found(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return static_cast<TokenId>(value.get<int64_t>());
}

Document parse_document(const Json& value, const fs::path& file, const std::string& where) {
  const JsonObject object(value, file, where);
  Document out;
  out.where = where;
  out.file = file;
  if (object.has("input_ids")) {
    out.ready = true;
    const Json& ids = object.array("input_ids");
    out.ids.reserve(ids.size());
    for (const Json& id : ids) out.ids.push_back(ready_id(id, file, where));
    if (out.ids.empty()) throw object.error("a document without tokens", "input_ids");
  } else if (object.has("text")) {
    out.text = object.string("text");
    if (out.text.empty()) throw object.error("an empty document", "text");
  } else {
    throw bad_input("neither a text nor token ids").file(file).where(where).expected("a key \"text\" or \"input_ids\"");
  }
  return out;
}

std::vector<Document> parse_lines(std::string_view text, const fs::path& file) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<Document> out;
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    ++number;
    start = end + 1;
    if (line.find_first_not_of(kBlank) == std::string_view::npos) {
      if (start >= text.size()) break;  // one empty line at the end
      throw bad_input("an empty line").file(file).where(line_name(number)).expected("a JSON object");
    }
    out.push_back(parse_document(parse_json(line, file, line_name(number)), file, line_name(number)));
  }
  return out;
}

std::vector<Document> parse_array(std::string_view text, const fs::path& file) {
  const Json json = parse_json(text, file);
  if (!json.is_array()) throw bad_input("not a list of documents").file(file).expected("a JSON array of objects");
  std::vector<Document> out;
  for (size_t i = 0; i < json.size(); ++i) out.push_back(parse_document(json[i], file, fmt::format("entry {}", i)));
  return out;
}

bool is_known(const fs::path& file) {
  constexpr std::array<std::string_view, 4> kExtensions{".txt", ".raw", ".jsonl", ".json"};
  return std::find(kExtensions.begin(), kExtensions.end(), file.extension().string()) != kExtensions.end();
}

// Appends the documents of a file; returns the SHA-256 of its bytes.
std::string read_documents(const fs::path& file, std::vector<Document>& out) {
  if (!is_known(file)) {
    throw bad_input("not a kind of text file that is known").file(file).expected(std::string(kKnownFiles));
  }
  const std::string bytes = read_file(file);
  std::string_view text = bytes;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.empty()) throw bad_input("the file is empty").file(file);
  check_utf8(text, file);
  const std::string extension = file.extension().string();
  std::vector<Document> documents;
  if (extension == ".jsonl") {
    documents = parse_lines(text, file);
  } else if (extension == ".json") {
    documents = parse_array(text, file);
  } else {
    Document whole;
    whole.text = std::string(text);
    whole.file = file;
    documents.push_back(std::move(whole));
  }
  if (documents.empty()) throw bad_input("the file has no documents").file(file);
  out.insert(out.end(), std::make_move_iterator(documents.begin()), std::make_move_iterator(documents.end()));
  return sha256_hex(bytes);
}

Source read_folder(const std::string& path) {
  std::vector<fs::path> files;
  std::error_code failed, unknown;
  for (fs::directory_iterator entry(path, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (is_known(entry->path()) && entry->is_regular_file(unknown)) files.push_back(entry->path());
  }
  if (failed) throw bad_input("cannot read the folder").file(path).found(failed.message());
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename().string() < b.filename().string(); });
  if (files.empty()) {
    throw bad_input("the folder has no text files")
        .file(path)
        .expected(fmt::format("files that end in {}", kKnownFiles));
  }
  Source source;
  source.path = path;
  Sha256 sha;
  for (const fs::path& file : files) {
    sha.update(fmt::format("{}  {}\n", read_documents(file, source.documents), file.filename().string()));
  }
  source.sha256 = sha.hex();
  return source;
}

constexpr std::array<std::pair<std::string_view, Bos>, 3> kBosNames{
    {{"document", Bos::kDocument}, {"every", Bos::kEvery}, {"none", Bos::kNone}}};

}  // namespace

Source read_source(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::status_known(status)) throw bad_input("cannot open the file or folder").file(path).found(error.message());
  if (!fs::exists(status)) throw bad_input("no such file or folder").file(path);
  if (fs::is_directory(status)) return read_folder(path);
  Source source;
  source.path = path;
  source.sha256 = read_documents(path, source.documents);
  return source;
}

std::string_view bos_name(Bos bos) {
  for (const auto& [name, value] : kBosNames) {
    if (value == bos) return name;
  }
  return "";
}

Bos parse_bos(std::string_view text) {
  for (const auto& [name, value] : kBosNames) {
    if (name == text) return value;
  }
  throw usage_error("not a way to place the BOS token")
      .where("--bos")
      .expected("document, every or none")
      .found(std::string(text));
}

std::vector<std::vector<TokenId>> tokenize(const std::vector<Document>& documents, const Tokenizer* tokenizer, Bos bos,
                                           int64_t vocabulary) {
  std::vector<std::vector<TokenId>> out;
  out.reserve(documents.size());
  for (const Document& document : documents) {
    if (document.ready) {
      out.push_back(document.ids);
    } else {
      if (!tokenizer) {
        throw bad_input("a text, but the model has no tokenizer")
            .file(document.file)
            .where(document.where)
            .help("give ready token ids (key \"input_ids\")");
      }
      std::vector<TokenId> ids = tokenizer->encode(document.text);
      if (bos == Bos::kDocument && tokenizer->bos()) ids.insert(ids.begin(), *tokenizer->bos());
      out.push_back(std::move(ids));
    }
    for (const TokenId id : out.back()) {
      if (id < vocabulary) continue;
      Error error = bad_input("a token id that the model does not have");
      error.file(document.file)
          .where(document.where)
          .expected(fmt::format("ids below {}", vocabulary))
          .found(fmt::format("{}", id));
      if (!document.ready) error.help("the tokenizer is of another model: " + tokenizer->file().string());
      throw error;
    }
  }
  return out;
}

}  // namespace shorten::text
