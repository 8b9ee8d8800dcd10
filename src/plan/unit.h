// SPDX-License-Identifier: Apache-2.0
// What can be removed from a model: a block, or one of its two halves, each of which is a residual branch of its own
// (x + attention(norm(x)), x + mlp(norm(x))).
#pragma once

#include <compare>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace shorten::plan {

enum class Part { kWhole, kAttention, kMlp };

struct Unit {
  int block = 0;  // 0-based
  Part part = Part::kWhole;

  auto operator<=>(const Unit&) const = default;  // by block; whole, attention, MLP
};

// What one variant of a model lacks: ascending, no unit twice. A block both of whose halves are gone is the whole
// block, and whoever has the whole has no half of it.
using RemovalSet = std::vector<Unit>;

RemovalSet whole_blocks(std::span<const int> blocks);   // REQUIRES: different blocks; sorts
std::vector<int> blocks_of(const RemovalSet& removed);  // the blocks that are gone whole, ascending

bool removes(const RemovalSet& removed, int block, Part part);  // the part itself, or the whole block
RemovalSet normalised(RemovalSet removed);  // sorts; two halves become the whole. Drops what is there twice

std::string_view part_name(Part part);    // "whole", "attention", "mlp"
std::string unit_name(const Unit& unit);  // "7", "7 attention", "7 mlp"

// In our files a block is its index, and half of one {"block": 7, "part": "mlp"}.
Json to_json(const Unit& unit);
std::vector<Unit> read_units(const JsonObject& json, std::string_view key);  // in their order. Throws bad_input
// Different units in any order, normalised. Throws bad_input.
RemovalSet read_removal_set(const JsonObject& json, std::string_view key);

}  // namespace shorten::plan
