// SPDX-License-Identifier: Apache-2.0
#include "plan/unit.h"

#include <fmt/format.h>

#include <algorithm>

namespace shorten::plan {

RemovalSet whole_blocks(std::span<const int> blocks) {
  RemovalSet out;
  for (const int block : blocks) out.push_back({block, Part::kWhole});
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<int> blocks_of(const RemovalSet& removed) {
  std::vector<int> out;
  for (const Unit& unit : removed) {
    if (unit.part == Part::kWhole) out.push_back(unit.block);
  }
  return out;
}

bool removes(const RemovalSet& removed, int block, Part part) {
  const auto has = [&](Part p) { return std::binary_search(removed.begin(), removed.end(), Unit{block, p}); };
  return has(Part::kWhole) || (part != Part::kWhole && has(part));
}

RemovalSet normalised(RemovalSet removed) {
  std::sort(removed.begin(), removed.end());
  RemovalSet out;
  for (const Unit& unit : removed) {
    if (!out.empty() && out.back().block == unit.block) {
      if (out.back().part == Part::kWhole || out.back() == unit) continue;
      out.back().part = Part::kWhole;  // attention, and now the MLP
    } else {
      out.push_back(unit);
    }
  }
  return out;
}

std::string_view part_name(Part part) {
  return part == Part::kAttention ? "attention" : part == Part::kMlp ? "mlp" : "whole";
}

std::string unit_name(const Unit& unit) {
  return unit.part == Part::kWhole ? fmt::format("{}", unit.block)
                                   : fmt::format("{} {}", unit.block, part_name(unit.part));
}

}  // namespace shorten::plan
