// SPDX-License-Identifier: Apache-2.0
// The parts of a SentencePiece model file (a protocol buffer) that the program needs itself, read with
// every length checked. libsentencepiece trusts some of them, so a model goes through here first.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace shorten::text {

struct SpmModel {
  enum class Type { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  struct Piece {
    std::string_view text;  // into the file's bytes
    float score = 0;
    Type type = Type::kNormal;
  };
  std::vector<Piece> pieces;
  int64_t algorithm = 1;  // 1: unigram, 2: BPE
  int64_t bos_id = 1, eos_id = 2;
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool plain_text = true;  // text is taken as it is, but for the prefix and spaces
};

// Throws bad_input for a file that is damaged, unsupported for an algorithm that is neither of the two.
// The result refers to `bytes`.
SpmModel parse_spm_model(std::string_view bytes, const std::filesystem::path& file);

}  // namespace shorten::text
