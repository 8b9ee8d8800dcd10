// SPDX-License-Identifier: Apache-2.0
#include "data/read.h"

#include <fmt/format.h>

#include <array>

#include "core/check.h"
#include "core/error.h"
#include "data/encode.h"
#include "data/entry.h"
#include "text/text_files.h"

namespace shorten::data {
namespace {

// Reads the files of one data set in turn.
class Reader {
 public:
  Reader(Dataset& out, const text::Tokenizer* tokenizer, const ReadOptions& options)
      : out_(out), tokenizer_(tokenizer), options_(options) {}

  void read(const text::TextFile& file) {
    file_ = file.file;
    if (!file.has_entries()) {
      where_.clear();
      expect(Kind::kText, "a whole text");
      add_text(file.content);
      return;
    }
    text::for_each_entry(file, [&](const Json& entry, const std::string& where) {
      where_ = where;
      add(JsonObject(entry, file.file, where));
      return true;
    });
  }

 private:
  Error fail(std::string what) const { return bad_input(std::move(what)).file(file_).where(where_); }

  // The first entry decides what all are.
  void expect(Kind kind, const std::string& found) {
    if (first_.empty()) {
      out_.kind = kind;
      first_ = fmt::format("{}{}{}", file_.string(), where_.empty() ? "" : ", ", where_);
    } else if (kind != out_.kind) {
      throw fail("data of another kind than before")
          .expected(fmt::format("{}, as in {}", keys_of(out_.kind), first_))
          .found(found);
    }
  }

  void add(const JsonObject& entry) {
    if (!first_.empty() && has_keys(entry.value(), out_.kind)) return add(entry, out_.kind);
    const std::optional<Kind> kind = kind_of(entry.value());
    if (!kind && first_.empty()) {
      std::string known;
      for (const Kind k : {Kind::kAlpaca, Kind::kCompletion, Kind::kMessages, Kind::kText, Kind::kReady}) {
        known += fmt::format("{}{}", known.empty() ? "the keys " : "; or ", keys_of(k));
      }
      throw fail("not a kind of training data that is known").expected(known).found(keys_seen(entry.value()));
    }
    if (!kind) {
      throw fail("an entry without the keys of the others")
          .expected(fmt::format("{}, as in {}", keys_of(out_.kind), first_))
          .found(keys_seen(entry.value()));
    }
    expect(*kind, keys_seen(entry.value()));
    add(entry, *kind);
  }

  void add(const JsonObject& entry, Kind kind) {
    switch (kind) {
      case Kind::kAlpaca:
        return add(encode_answer(encoding(), alpaca_prompt(entry.string("instruction"), entry.string_or("input", "")),
                                 entry.string("output")));
      case Kind::kCompletion:
        return add(encode_answer(encoding(), entry.string("prompt"), entry.string("completion")));
      case Kind::kMessages:
        return add(conversation(messages_of(entry, where_)));
      case Kind::kReady:
        return add_ready(ready_row(entry, options_.vocabulary));
      case Kind::kText: {
        const std::string& text = entry.string("text");
        if (text.empty()) throw entry.error("an empty document", "text");
        return add_text(text);
      }
    }
  }

  void check_ids(const std::vector<TokenId>& ids) const {
    for (const TokenId id : ids) {
      if (id < options_.vocabulary) continue;
      throw fail("a token id that the model does not have")
          .expected(fmt::format("ids below {}", options_.vocabulary))
          .found(fmt::format("{}", id))
          .help("the tokenizer is of another model: " + tokenizer_->file().string());
    }
  }

  void keep(Example example) {
    if (count_targets(example) == 0) {
      ++out_.dropped;
    } else {
      out_.examples.push_back(std::move(example));
    }
  }

  Encoding encoding() const {
    if (!tokenizer_) {
      throw fail("a text, but the model has no tokenizer").help("give ready rows (keys \"input_ids\" and \"labels\")");
    }
    return {*tokenizer_, static_cast<size_t>(options_.length), options_.train_on_prompt};
  }

  void add(Encoded encoded) {
    check_ids(encoded.row.ids);
    out_.truncated += encoded.truncated;
    keep(std::move(encoded.row));
  }

  Encoded conversation(const std::vector<Message>& messages) {
    const Encoding how = encoding();
    if (!template_) template_ = ChatTemplate::open(options_.model);
    try {
      return encode_conversation(how, template_->render(messages));
    } catch (Error& error) {
      if (error.file().empty()) error.file(file_).where(where_);
      throw;
    }
  }

  void add_text(const std::string& text) {
    for (Example& row : encode_text(encoding(), text)) {
      check_ids(row.ids);
      keep(std::move(row));
    }
  }

  void add_ready(Example row) {
    if (static_cast<int64_t>(row.ids.size()) > options_.length) {
      throw fail("a ready row is longer than a row may be")
          .expected(fmt::format("at most {} tokens", options_.length))
          .found(fmt::format("{}", row.ids.size()));
    }
    keep(std::move(row));
  }

  Dataset& out_;
  const text::Tokenizer* tokenizer_;
  const ReadOptions& options_;
  std::optional<ChatTemplate> template_;
  fs::path file_;
  std::string where_, first_;  // of the entry at hand; of the first of all
};

// "train" of train.jsonl and train-00000-of-00002.jsonl.
std::string split_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  return stem.substr(0, stem.find_first_of("-_."));
}

// A folder that keeps what is to be measured beside what is to be learnt must not be learnt as a whole.
void refuse_splits(const std::string& path) {
  if (!fs::is_directory(path)) return;
  fs::path train, other;
  for (const fs::path& file : text::list_text_files(path)) {
    const std::string split = split_of(file);
    if (split == "train") train = file;
    for (const char* name : {"valid", "validation", "val", "dev", "eval", "test"}) {
      if (split == name) other = file;
    }
  }
  if (train.empty() || other.empty()) return;
  throw bad_input("the folder holds several splits")
      .file(path)
      .expected("files that all are for one purpose")
      .found(train.filename().string() + " and " + other.filename().string())
      .help(fmt::format("name the files: `data` {}, `validation` for another", train.string()));
}

}  // namespace

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 5> kNames{"alpaca", "completion", "messages", "text", "ready"};
  return kNames[static_cast<size_t>(kind)];
}

Dataset read_dataset(const std::string& path, const text::Tokenizer* tokenizer, const ReadOptions& options) {
  SHORTEN_CHECK(options.length >= 2 && options.vocabulary >= 1, "rows have room for something to learn");
  refuse_splits(path);
  Dataset out;
  out.path = path;
  Reader reader(out, tokenizer, options);
  out.sha256 = text::read_text_files(path, [&](const text::TextFile& file) { reader.read(file); });
  if (out.examples.empty()) {
    throw bad_input("nothing in the data is to be learnt: all tokens are masked")
        .file(path)
        .expected("a token that counts behind the first of a row")
        .found(fmt::format("{} rows, {} of them cut at {} tokens", out.dropped, out.truncated, options.length))
        .help("longer rows keep the answers of long prompts");
  }
  return out;
}

bool is_ready(const std::string& path) {
  const text::TextFile file = text::read_text_file(text::list_text_files(path).front());
  bool ready = false;
  if (file.has_entries()) {
    text::for_each_entry(file, [&](const Json& entry, const std::string& where) {
      ready = kind_of(JsonObject(entry, file.file, where).value()) == Kind::kReady;
      return false;
    });
  }
  return ready;
}

}  // namespace shorten::data
