// SPDX-License-Identifier: Apache-2.0
#include "plan/unit.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "family/file_keys.h"

namespace shorten::plan {
namespace {

bool is_block(const Json& value) { return value.is_number_integer() && value >= 0 && value < family::kMaxBlocks; }

std::optional<Unit> unit_from_json(const Json& value) {
  if (is_block(value)) return Unit{value.get<int>(), Part::kWhole};
  if (!value.is_object() || !value.contains("block") || !value.contains("part") || !is_block(value["block"])) return {};
  for (const Part part : {Part::kAttention, Part::kMlp}) {
    if (value["part"] == part_name(part)) return Unit{value["block"].get<int>(), part};
  }
  return {};
}

}  // namespace

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

Json to_json(const Unit& unit) {
  if (unit.part == Part::kWhole) return unit.block;
  return {{"block", unit.block}, {"part", part_name(unit.part)}};
}

std::vector<Unit> read_units(const JsonObject& json, std::string_view key) {
  std::vector<Unit> units;
  for (const Json& value : json.array(key)) {
    const std::optional<Unit> unit = unit_from_json(value);
    if (!unit) {
      throw json.error("not a list of blocks", key)
          .expected(R"(integers from 0, and {"block": 3, "part": "attention" or "mlp"} for half of one)")
          .found(printable(value.dump(), 60));
    }
    units.push_back(*unit);
  }
  return units;
}

RemovalSet read_removal_set(const JsonObject& json, std::string_view key) {
  const std::vector<Unit> units = read_units(json, key);
  RemovalSet seen;
  for (const Unit& unit : units) {
    const auto overlaps = [&](const Unit& other) {
      return other.block == unit.block &&
             (other.part == unit.part || other.part == Part::kWhole || unit.part == Part::kWhole);
    };
    if (std::any_of(seen.begin(), seen.end(), overlaps))
      throw json.error(fmt::format("block {} is named twice", unit.block), key);
    seen.push_back(unit);
  }
  return normalised(std::move(seen));
}

}  // namespace shorten::plan
