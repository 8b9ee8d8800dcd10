// SPDX-License-Identifier: Apache-2.0
#include "text/spm_bpe.h"

#include <algorithm>
#include <unordered_map>

#include "core/utf8.h"

namespace shorten::text {
namespace {

using Type = SpmModel::Type;

bool is_one_character(std::string_view text) { return utf8_sequence_length(text, 0) == text.size(); }

// SentencePiece merges any two neighbours whose text together is a piece, the highest score first.
// A rule for every way to split a piece into two says the same, if all its characters are pieces.
class Rules {
 public:
  explicit Rules(const SpmModel& model) : model_(model) {
    for (size_t i = 0; i < model.pieces.size(); ++i) {
      if (model.pieces[i].type == Type::kNormal) normal_.push_back(i);
    }
    std::sort(normal_.begin(), normal_.end(),
              [&](size_t a, size_t b) { return model.pieces[a].score > model.pieces[b].score; });
    for (const size_t i : normal_) index_.emplace(model.pieces[i].text, i);
  }

  bool make(std::vector<MergeRule>& rules) const {
    int32_t rank = 0;  // pieces of equal score share one: there the leftmost goes first
    for (size_t i = 0; i < normal_.size(); ++i) {
      const SpmModel::Piece& piece = model_.pieces[normal_[i]];
      if (i > 0 && piece.score < model_.pieces[normal_[i - 1]].score) ++rank;
      if (is_one_character(piece.text)) continue;
      for (size_t at = 0, length = 0; at < piece.text.size(); at += length) {
        length = utf8_sequence_length(piece.text, at);
        if (!index_.contains(piece.text.substr(at, length))) return false;
        if (at > 0 && index_.contains(piece.text.substr(0, at)) && index_.contains(piece.text.substr(at))) {
          rules.push_back({std::string(piece.text), at, rank});
        }
      }
    }
    return true;
  }

 private:
  const SpmModel& model_;
  std::vector<size_t> normal_;  // highest score first
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace

std::optional<Bpe> make_spm_bpe(const SpmModel& model, const std::filesystem::path& file) {
  if (model.algorithm != 2 || !model.plain_text || !model.byte_fallback) return std::nullopt;
  std::vector<std::pair<std::string, int64_t>> entries;
  size_t bytes = 0;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& [text, score, type] = model.pieces[i];
    if (type == Type::kUserDefined || type == Type::kUnused) return std::nullopt;
    if (type != Type::kNormal && is_one_character(text)) return std::nullopt;
    bytes += type == Type::kByte;
    if (type == Type::kNormal || type == Type::kByte) entries.emplace_back(text, static_cast<int64_t>(i));
  }
  std::vector<MergeRule> rules;
  if (bytes != 256 || !Rules(model).make(rules)) return std::nullopt;
  BpeOptions options;
  options.byte_fallback = true;
  return Bpe(Vocabulary(std::move(entries), file), rules, options, file);
}

}  // namespace shorten::text
