// SPDX-License-Identifier: Apache-2.0
// A SentencePiece BPE model as a Bpe of ours: its library merges a whole text as one word, which takes
// a second for a megabyte.
#pragma once

#include <filesystem>
#include <optional>

#include "text/bpe.h"
#include "text/spm_model.h"

namespace shorten::text {

// Absent where the result could differ from the library's: another algorithm, text that is normalized,
// user-defined pieces, characters without a piece or a byte.
std::optional<Bpe> make_spm_bpe(const SpmModel& model, const std::filesystem::path& file);

}  // namespace shorten::text
