// SPDX-License-Identifier: Apache-2.0
#include "text/text_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
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

bool is_known(const fs::path& file) {
  constexpr std::array<std::string_view, 4> kExtensions{".txt", ".raw", ".jsonl", ".json"};
  return std::find(kExtensions.begin(), kExtensions.end(), file.extension().string()) != kExtensions.end();
}

std::vector<fs::path> list_folder(const std::string& path) {
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
  return files;
}

using UseEntry = std::function<bool(const Json&, const std::string&)>;

bool for_each_line(const TextFile& file, const UseEntry& use) {
  constexpr std::string_view kBlank = " \t\r";
  const std::string_view text = file.content;
  bool any = false;
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    ++number;
    start = end + 1;
    if (line.find_first_not_of(kBlank) == std::string_view::npos) {
      if (start >= text.size()) break;  // one empty line at the end
      throw bad_input("an empty line").file(file.file).where(line_name(number)).expected("a JSON object");
    }
    any = true;
    if (!use(parse_json(line, file.file, line_name(number)), line_name(number))) break;
  }
  return any;
}

bool for_each_element(const TextFile& file, const UseEntry& use) {
  const Json json = parse_json(file.content, file.file);
  if (!json.is_array()) throw bad_input("not a list of documents").file(file.file).expected("a JSON array of objects");
  for (size_t i = 0; i < json.size(); ++i) {
    if (!use(json[i], fmt::format("entry {}", i))) break;
  }
  return !json.empty();
}

}  // namespace

bool TextFile::has_entries() const { return file.extension() == ".jsonl" || file.extension() == ".json"; }

std::vector<fs::path> list_text_files(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::status_known(status)) throw bad_input("cannot open the file or folder").file(path).found(error.message());
  if (!fs::exists(status)) throw bad_input("no such file or folder").file(path);
  if (fs::is_directory(status)) return list_folder(path);
  return {path};
}

TextFile read_text_file(const fs::path& file) {
  if (!is_known(file)) {
    throw bad_input("not a kind of text file that is known").file(file).expected(std::string(kKnownFiles));
  }
  TextFile out;
  out.file = file;
  out.content = read_file(file);
  out.sha256 = sha256_hex(out.content);
  if (out.content.starts_with(kByteOrderMark)) out.content.erase(0, kByteOrderMark.size());
  if (out.content.empty()) throw bad_input("the file is empty").file(file);
  check_utf8(out.content, file);
  return out;
}

std::string read_text_files(const std::string& path, const std::function<void(const TextFile&)>& use) {
  const std::vector<fs::path> files = list_text_files(path);
  Sha256 sha;
  std::string last;
  for (const fs::path& file : files) {
    const TextFile read = read_text_file(file);
    use(read);
    last = read.sha256;
    sha.update(fmt::format("{}  {}\n", read.sha256, file.filename().string()));
  }
  return fs::is_directory(path) ? sha.hex() : last;
}

void for_each_entry(const TextFile& file, const UseEntry& use) {
  const bool any = file.file.extension() == ".jsonl" ? for_each_line(file, use) : for_each_element(file, use);
  if (!any) throw bad_input("the file has no documents").file(file.file);
}

}  // namespace shorten::text
