// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_file.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"

namespace shorten::text {
namespace {

constexpr uint64_t kMaxTokenizerFile = 256u << 20;
constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxKeys = 4096;  // of one object outside the vocabulary

// "a b" → the rule that joins a and b.
MergeRule parse_merge(std::string_view line, size_t rank, const std::filesystem::path& file, const std::string& where) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    throw bad_input("not a merge")
        .file(file)
        .where(where)
        .expected("two pieces with one space between them")
        .found(fmt::format("\"{}\"", line));
  }
  return {std::string(line.substr(0, space)).append(line.substr(space + 1)), space, static_cast<int32_t>(rank)};
}

// Receives the events of the JSON parser.
class Reader {
 public:
  // With `whole_is_vocabulary` the file is one object of tokens and ids, else the tables are in "model".
  Reader(std::filesystem::path file, bool whole_is_vocabulary)
      : file_(std::move(file)), whole_is_vocabulary_(whole_is_vocabulary) {}

  bool null() { return value(nullptr); }
  bool boolean(bool v) { return value(v); }
  bool number_integer(int64_t v) { return state_ == State::kVocabulary ? token(v) : value(v); }
  bool number_unsigned(uint64_t v) {
    if (state_ != State::kVocabulary) return value(v);
    return token(v > static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : static_cast<int64_t>(v));
  }
  bool number_float(double v, const std::string&) { return value(v); }
  bool binary(Json::binary_t&) { return value(nullptr); }

  bool string(std::string& v) {
    if (state_ == State::kMerges) {
      out.merges.push_back(parse_merge(v, out.merges.size(), file_, fmt::format("merge {}", out.merges.size())));
      return true;
    }
    if (state_ == State::kMergePair) {
      if (++parts_ == 2) out.merges.back().split = out.merges.back().text.size();
      out.merges.back().text += v;
      return true;
    }
    return value(std::move(v));
  }

  bool start_object(size_t) {
    if (state_ == State::kRest && is_table("vocab")) {
      state_ = State::kVocabulary;
      return true;
    }
    return open(Json::object());
  }

  bool key(std::string& k) {
    key_ = std::move(k);
    if (state_ == State::kVocabulary) return true;
    if (open_.back()->contains(key_))
      throw bad_input("a key appears twice in one JSON object").file(file_).where(place());
    if (open_.back()->size() >= kMaxKeys) {
      throw bad_input("a JSON object has too many keys")
          .file(file_)
          .where(place())
          .expected(fmt::format("at most {}", kMaxKeys));
    }
    if (open_.size() == 1) top_key_ = key_;
    return true;
  }

  bool end_object() {
    if (state_ != State::kVocabulary) return close();
    state_ = State::kRest;
    return true;
  }

  bool start_array(size_t) {
    if (state_ == State::kMerges) {
      state_ = State::kMergePair;
      parts_ = 0;
      out.merges.push_back({"", 0, static_cast<int32_t>(out.merges.size())});
      return true;
    }
    if (state_ == State::kRest && !whole_is_vocabulary_ && is_table("merges")) {
      state_ = State::kMerges;
      return true;
    }
    return open(Json::array());
  }

  bool end_array() {
    if (state_ == State::kMergePair) {
      const MergeRule& rule = out.merges.back();
      if (parts_ != 2 || rule.split == 0 || rule.split == rule.text.size()) {
        throw bad_input("not a merge")
            .file(file_)
            .where(fmt::format("merge {}", out.merges.size() - 1))
            .expected("two strings that are not empty");
      }
      state_ = State::kMerges;
      return true;
    }
    if (state_ != State::kMerges) return close();
    state_ = State::kRest;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) {
    throw bad_input("not valid JSON").file(file_).where(fmt::format("byte {}", position)).found(e.what());
  }

  TokenizerFile out;

 private:
  enum class State { kRest, kVocabulary, kMerges, kMergePair };

  std::string place() const { return fmt::format("key \"{}\"", key_); }

  bool is_table(std::string_view name) const {
    if (whole_is_vocabulary_) return open_.empty();
    return open_.size() == 2 && open_.back()->is_object() && top_key_ == "model" && key_ == name;
  }

  bool token(int64_t id) {
    out.vocabulary.emplace_back(std::move(key_), id);
    return true;
  }

  [[noreturn]] void wrong_type() const {
    if (state_ == State::kVocabulary) {
      throw bad_input("a token id is no integer")
          .file(file_)
          .where(fmt::format("token \"{}\" of the vocabulary", key_));
    }
    throw bad_input("not a merge")
        .file(file_)
        .where(fmt::format("merge {}", out.merges.size()))
        .expected("\"a b\" or [\"a\", \"b\"]");
  }

  Json* add(Json v) {
    if (state_ != State::kRest) wrong_type();
    if (open_.empty()) {
      out.rest = std::move(v);
      return &out.rest;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(v));
      return &open_.back()->back();
    }
    return &(*open_.back())[key_].operator=(std::move(v));
  }

  bool value(Json v) {
    add(std::move(v));
    return true;
  }

  bool open(Json container) {
    if (open_.size() >= kMaxDepth) {
      throw bad_input("JSON nested too deeply").file(file_).expected(fmt::format("at most {} levels", kMaxDepth));
    }
    open_.push_back(add(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::filesystem::path file_;
  bool whole_is_vocabulary_;
  State state_ = State::kRest;
  std::vector<Json*> open_;  // a container grows only while it is the last one here
  std::string key_, top_key_;
  int parts_ = 0;
};

std::string read_utf8(const std::filesystem::path& file) {
  std::string text = read_file(file, kMaxTokenizerFile);
  if (const size_t bad = find_invalid_utf8(text); bad != std::string::npos) {
    throw bad_input("not valid UTF-8").file(file).where(fmt::format("byte {}", bad));
  }
  return text;
}

TokenizerFile read(const std::filesystem::path& file, bool whole_is_vocabulary) {
  const std::string text = read_utf8(file);
  Reader reader(file, whole_is_vocabulary);
  Json::sax_parse(text, &reader);
  if (whole_is_vocabulary && !reader.out.rest.is_null()) {
    throw bad_input("not a vocabulary").file(file).expected("a JSON object of tokens and their ids");
  }
  return std::move(reader.out);
}

}  // namespace

TokenizerFile read_tokenizer_json(const std::filesystem::path& file) { return read(file, false); }

VocabularyEntries read_vocab_json(const std::filesystem::path& file) { return read(file, true).vocabulary; }

std::vector<MergeRule> read_merges_txt(const std::filesystem::path& file) {
  const std::string text = read_utf8(file);
  std::vector<MergeRule> merges;
  size_t line = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    std::string_view content = std::string_view(text).substr(start, end - start);
    if (content.ends_with('\r')) content.remove_suffix(1);
    ++line;
    start = end + 1;
    if (content.starts_with("#version") || (content.empty() && start >= text.size())) continue;
    merges.push_back(parse_merge(content, merges.size(), file, fmt::format("line {}", line)));
  }
  return merges;
}

}  // namespace shorten::text
