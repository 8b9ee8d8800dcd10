// SPDX-License-Identifier: Apache-2.0
// Tensors as text with the hashes of their bytes: what fingerprints and checks of written files are made of.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"

namespace shorten::checkpoint {

// lines[i] says all about tensors[i] and ends in a line feed:
//   NAME <tab> DTYPE <tab> SHAPE <tab> HASH
// DTYPE as safetensors writes it (BF16), SHAPE as JSON without spaces ([4096,192], [] for a scalar), HASH the SHA-256
// of the tensor's bytes in hexadecimal. Made by as many threads as help.
std::vector<std::string> tensor_lines(std::span<const Tensor> tensors);

}  // namespace shorten::checkpoint
