// SPDX-License-Identifier: Apache-2.0
// What a tensor's name says about where it belongs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace shorten::family {

struct BlockTensor {
  int64_t block;
  std::string_view rest;  // what follows "model.layers.3."
};

// The block that `name` belongs to, if it is the name of a block's tensor.
std::optional<BlockTensor> split_block_name(std::string_view name);

// Tensors that are left out of what we write, and so are not counted: rotary tables that Transformers
// computes anew, and a copy of the embedding where the head is tied to it.
bool is_redundant(const checkpoint::Checkpoint& model, std::string_view name);

}  // namespace shorten::family
