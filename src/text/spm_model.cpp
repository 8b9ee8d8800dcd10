// SPDX-License-Identifier: Apache-2.0
#include "text/spm_model.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "core/utf8.h"
#include "text/vocabulary.h"

namespace shorten::text {
namespace {

// One field of a protocol buffer message: a number, or bytes.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
  enum class Kind { kVarint, kFixed64, kBytes, kFixed32 } kind = Kind::kVarint;
};

class Message {
 public:
  Message(std::string_view bytes, const std::filesystem::path& file, std::string where)
      : bytes_(bytes), file_(file), where_(std::move(where)) {}

  std::optional<Field> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    Field field;
    const uint64_t tag = varint();
    field.number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        field.kind = Field::Kind::kVarint;
        field.value = varint();
        break;
      case 1:
        field.kind = Field::Kind::kFixed64;
        take(8);
        break;
      case 2:
        field.kind = Field::Kind::kBytes;
        field.bytes = take(varint());
        break;
      case 5: {
        field.kind = Field::Kind::kFixed32;
        uint32_t value;
        std::memcpy(&value, take(4).data(), 4);
        field.value = value;
        break;
      }
      default:
        throw damaged();
    }
    if (field.number == 0) throw damaged();
    return field;
  }

  Error damaged() const {
    return bad_input("not a SentencePiece model, or a damaged one")
        .file(file_)
        .where(fmt::format("{}, byte {}", where_, at_));
  }

  // The field as what it must be.
  uint64_t number(const Field& field) const {
    return field.kind == Field::Kind::kVarint ? field.value : throw damaged();
  }
  float real(const Field& field) const {
    if (field.kind != Field::Kind::kFixed32) throw damaged();
    return std::bit_cast<float>(static_cast<uint32_t>(field.value));
  }
  std::string_view bytes(const Field& field) const {
    return field.kind == Field::Kind::kBytes ? field.bytes : throw damaged();
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    throw damaged();
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) throw damaged();
    const std::string_view out = bytes_.substr(at_, count);
    at_ += count;
    return out;
  }

  std::string_view bytes_;
  const std::filesystem::path& file_;
  std::string where_;
  size_t at_ = 0;
};

SpmModel::Piece parse_piece(Message message) {
  SpmModel::Piece piece;
  while (const auto field = message.next()) {
    if (field->number == 1) piece.text = message.bytes(*field);
    if (field->number == 2) piece.score = message.real(*field);
    if (field->number == 3) {
      const uint64_t type = message.number(*field);
      if (type < 1 || type > 6) throw message.damaged();
      piece.type = static_cast<SpmModel::Type>(type);
    }
  }
  if (piece.text.empty() || piece.text.find('\0') != std::string_view::npos ||
      find_invalid_utf8(piece.text) != std::string_view::npos || !std::isfinite(piece.score)) {
    throw message.damaged();
  }
  return piece;
}

int64_t signed_id(uint64_t value) { return static_cast<int32_t>(static_cast<uint32_t>(value)); }

void parse_trainer(Message message, SpmModel& model) {
  while (const auto field = message.next()) {
    if (field->number == 24 && message.number(*field) != 0) model.plain_text = false;  // space as a suffix
    if (field->number == 3) model.algorithm = static_cast<int64_t>(message.number(*field));
    if (field->number == 35) model.byte_fallback = message.number(*field) != 0;
    if (field->number == 41) model.bos_id = signed_id(message.number(*field));
    if (field->number == 42) model.eos_id = signed_id(message.number(*field));
  }
}

// The normalization table: a double-array trie (Darts) and the strings that its values point into.
// The library follows both without looking.
void check_charsmap(std::string_view blob, const Message& message) {
  if (blob.empty()) return;
  uint32_t trie_bytes = 0;
  if (blob.size() <= sizeof trie_bytes) throw message.damaged();
  std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
  blob.remove_prefix(sizeof trie_bytes);
  if (trie_bytes >= blob.size() || trie_bytes % 4 != 0 || trie_bytes == 0 || blob.back() != '\0')
    throw message.damaged();
  const std::string_view strings = blob.substr(trie_bytes);
  const size_t count = trie_bytes / 4;
  const auto unit = [&](size_t i) {
    uint32_t value;
    std::memcpy(&value, blob.data() + 4 * i, 4);
    return value;
  };
  for (size_t i = 0; i < count; ++i) {
    const uint32_t u = unit(i);
    if (u >> 31) continue;  // a value
    const size_t base = i ^ (static_cast<size_t>(u >> 10) << ((u & (1u << 9)) >> 6));
    if ((base | 0xFF) >= count) throw message.damaged();
    const bool has_value = u >> 8 & 1;
    if (has_value && (unit(base) & 0x7FFFFFFF) >= strings.size()) throw message.damaged();
  }
}

void parse_normalizer_spec(Message message, SpmModel& model) {
  bool charsmap = false, removes_spaces = true, escapes_spaces = true;
  while (const auto field = message.next()) {
    if (field->number == 2) {
      check_charsmap(message.bytes(*field), message);
      charsmap = !field->bytes.empty();
    }
    if (field->number == 3) model.add_dummy_prefix = message.number(*field) != 0;
    if (field->number == 4) removes_spaces = message.number(*field) != 0;
    if (field->number == 5) escapes_spaces = message.number(*field) != 0;
  }
  if (charsmap || removes_spaces || !escapes_spaces) model.plain_text = false;
}

void check(const SpmModel& model, const std::filesystem::path& file) {
  const auto fail = [&](std::string what, size_t id) {
    return bad_input(std::move(what)).file(file).where(fmt::format("piece {} \"{}\"", id, model.pieces[id].text));
  };
  if (model.pieces.empty()) throw bad_input("a SentencePiece model without pieces").file(file);
  if (model.algorithm != 1 && model.algorithm != 2) {
    throw unsupported("a SentencePiece algorithm that is not known to this version")
        .file(file)
        .expected("unigram (1) or BPE (2)")
        .found(fmt::format("{}", model.algorithm));
  }
  std::unordered_set<std::string_view> seen;
  size_t unknown = 0;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    if (!seen.insert(model.pieces[i].text).second) throw fail("a piece is listed twice", i);
    unknown += model.pieces[i].type == SpmModel::Type::kUnknown;
  }
  if (unknown != 1) {
    throw bad_input("a SentencePiece model has one unknown piece").file(file).found(fmt::format("{}", unknown));
  }
}

}  // namespace

SpmModel parse_spm_model(std::string_view bytes, const std::filesystem::path& file) {
  SpmModel model;
  Message message(bytes, file, "model");
  while (const auto field = message.next()) {
    if (field->number == 1) {
      if (static_cast<int64_t>(model.pieces.size()) > kMaxTokenId) throw message.damaged();
      model.pieces.push_back(parse_piece({message.bytes(*field), file, fmt::format("piece {}", model.pieces.size())}));
    } else if (field->number == 2) {
      parse_trainer({message.bytes(*field), file, "trainer_spec"}, model);
    } else if (field->number == 3) {
      parse_normalizer_spec({message.bytes(*field), file, "normalizer_spec"}, model);
    } else if (field->number == 5) {  // the denormalizer has the same form
      SpmModel unused;
      parse_normalizer_spec({message.bytes(*field), file, "denormalizer_spec"}, unused);
    }
  }
  check(model, file);
  return model;
}

}  // namespace shorten::text
