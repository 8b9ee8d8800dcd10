// SPDX-License-Identifier: Apache-2.0
// The last look at a model before its folder gets a name: does what was written compute what was trained?
#pragma once

#include "train/output.h"

namespace shorten::train {

// Logits for `probe`, of three models a block at a time, in fp32 whatever was trained in:
//   trained   weights and adapter as training left them
//   rounded   the same merged in memory, each weight rounded to the dtype of the checkpoint
//   written   the folder
// The last two are equal but for the order of sums: names, rows and bytes are right. The first two are apart by
// rounding alone. Throws Error(kQuality) where either does not hold.
void check_written(const Student& student, const Base& base, const std::vector<int32_t>& probe,
                   const fs::path& written);

}  // namespace shorten::train
