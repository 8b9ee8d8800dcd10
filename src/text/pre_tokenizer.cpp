// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/utf8.h"
#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/parts.h"
#include "text/unicode.h"

namespace shorten::text {
namespace {

constexpr std::string_view kGpt2Words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Collects the parts that a pattern cuts a piece into and gives them on as `behavior` says.
class Cutter {
 public:
  Cutter(const Piece& piece, SplitBehavior behavior, const PieceSink& sink)
      : piece_(piece), behavior_(behavior), sink_(sink) {}

  void match(size_t start, size_t end, bool invert) {
    if (done_ != start) part(start, invert);
    part(end, !invert);
  }

  void finish(bool invert) {
    if (done_ != piece_.text.size()) part(piece_.text.size(), invert);
    flush(piece_.text.size());
  }

 private:
  // text[done_, end) is one part; a match if `is_match`.
  void part(size_t end, bool is_match) {
    switch (behavior_) {
      case SplitBehavior::kIsolated:
        flush(done_);
        break;
      case SplitBehavior::kRemoved:
        flush(done_);
        if (is_match) kept_from_ = end;
        break;
      case SplitBehavior::kContiguous:
        if (is_match != last_was_match_) flush(done_);
        break;
      case SplitBehavior::kMergedWithPrevious:
        if (!is_match || last_was_match_) flush(done_);
        break;
      case SplitBehavior::kMergedWithNext:
        if (is_match || !last_was_match_) flush(done_);
        break;
    }
    last_was_match_ = is_match;
    done_ = end;
  }

  void flush(size_t end) {
    if (kept_from_ < end) {
      sink_({piece_.text.substr(kept_from_, end - kept_from_), piece_.at_start && kept_from_ == 0});
    }
    kept_from_ = std::max(kept_from_, end);
  }

  const Piece& piece_;
  SplitBehavior behavior_;
  const PieceSink& sink_;
  size_t done_ = 0, kept_from_ = 0;
  bool last_was_match_ = false;
};

void cut(const Piece& piece, const Regex& pattern, SplitBehavior behavior, bool invert, const PieceSink& sink) {
  Cutter cutter(piece, behavior, sink);
  Regex::Scanner scanner(pattern, piece.text);
  while (const auto match = scanner.next()) cutter.match(match->start, match->end, invert);
  cutter.finish(invert);
}

void cut(const Piece& piece, const std::string& pattern, SplitBehavior behavior, bool invert, const PieceSink& sink) {
  Cutter cutter(piece, behavior, sink);
  for (size_t at = piece.text.find(pattern); at != std::string_view::npos;
       at = piece.text.find(pattern, at + pattern.size())) {
    cutter.match(at, at + pattern.size(), invert);
  }
  cutter.finish(invert);
}

void run(const SplitPattern& step, const Piece& piece, const PieceSink& sink) {
  std::visit([&](const auto& pattern) { cut(piece, pattern, step.behavior, step.invert, sink); }, step.pattern);
}

void run(const ByteLevel& step, const Piece& piece, const PieceSink& sink) {
  Piece input = piece;
  std::string prefixed;
  if (step.add_prefix_space && !piece.text.starts_with(' ')) {
    prefixed.assign(1, ' ').append(piece.text);
    input.text = prefixed;
  }
  std::string word;
  const PieceSink spell = [&](const Piece& part) {
    word.clear();
    append_byte_level(word, part.text);
    sink({word, part.at_start});
  };
  step.words ? cut(input, *step.words, SplitBehavior::kIsolated, false, spell) : spell(input);
}

void run(const SplitDigits& step, const Piece& piece, const PieceSink& sink) {
  Cutter cutter(piece, step.one_by_one ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, sink);
  for (size_t at = 0, length = 0; at < piece.text.size(); at += length) {
    length = utf8_sequence_length(piece.text, at);
    if (is_numeric(utf8_decode(piece.text, at, length))) cutter.match(at, at + length, false);
  }
  cutter.finish(false);
}

void run(const Metaspace& step, const Piece& piece, const PieceSink& sink) {
  std::string text = replace_all(piece.text, " ", step.replacement);
  const bool wanted =
      step.prepend == PrependScheme::kAlways || (step.prepend == PrependScheme::kFirst && piece.at_start);
  if (wanted && !text.starts_with(step.replacement)) text.insert(0, step.replacement);
  const Piece whole{text, piece.at_start};
  step.split ? cut(whole, step.replacement, SplitBehavior::kMergedWithNext, false, sink) : sink(whole);
}

SplitBehavior parse_behavior(const JsonObject& part, const std::string& where) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames{{
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  const std::string& name = part.string("behavior");
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  throw unknown_part(part.file(), where + ", key \"behavior\"", name,
                     {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"});
}

}  // namespace

PrependScheme parse_prepend_scheme(const JsonObject& part, const std::string& where) {
  // Before there was a scheme there was "add_prefix_space".
  const std::string name =
      part.string_or("prepend_scheme", part.boolean_or("add_prefix_space", true) ? "always" : "never");
  if (name == "always") return PrependScheme::kAlways;
  if (name == "first") return PrependScheme::kFirst;
  if (name == "never") return PrependScheme::kNever;
  throw unknown_part(part.file(), where + ", key \"prepend_scheme\"", name, {"always", "first", "never"});
}

std::vector<PreTokenizer> parse_pre_tokenizer(const Json& value, const std::filesystem::path& file) {
  std::vector<PreTokenizer> steps;
  for_each_part(
      value, file, "pre_tokenizer", "pretokenizers",
      [&](const JsonObject& part, const std::string& type, const std::string& where) {
        if (type == "Split") {
          Pattern pattern = parse_pattern(part, where);
          const SplitBehavior behavior = parse_behavior(part, where);
          const bool invert = part.boolean_or("invert", false);
          if (pattern.is_regex) {
            steps.emplace_back(SplitPattern{Regex(pattern.text, file, where), behavior, invert});
          } else {
            steps.emplace_back(SplitPattern{std::move(pattern.text), behavior, invert});
          }
        } else if (type == "ByteLevel") {
          ByteLevel step{part.boolean_or("add_prefix_space", true), std::nullopt};
          if (part.boolean_or("use_regex", true)) step.words.emplace(kGpt2Words, file, where);
          steps.emplace_back(std::move(step));
        } else if (type == "Digits") {
          steps.emplace_back(SplitDigits{part.boolean_or("individual_digits", false)});
        } else if (type == "Metaspace") {
          Metaspace step{part.string("replacement"), parse_prepend_scheme(part, where), part.boolean_or("split", true)};
          if (step.replacement.empty()) throw part.error("an empty replacement", "replacement");
          steps.emplace_back(std::move(step));
        } else {
          throw unknown_part(file, where, type, {"Sequence", "Split", "ByteLevel", "Digits", "Metaspace"});
        }
      });
  return steps;
}

void pre_tokenize(std::span<const PreTokenizer> steps, const Piece& piece, const PieceSink& sink) {
  if (piece.text.empty()) return;
  if (steps.empty()) return sink(piece);
  const PieceSink next = [&](const Piece& part) { pre_tokenize(steps.subspan(1), part, sink); };
  std::visit([&](const auto& step) { run(step, piece, next); }, steps[0]);
}

}  // namespace shorten::text
