// SPDX-License-Identifier: Apache-2.0
// plan.json (docs/formats.md): which blocks, or halves of blocks, go. Made from scores and a target, or by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "core/json.h"
#include "plan/scores.h"
#include "plan/unit.h"

namespace shorten::plan {

struct PrunePlan {
  std::optional<int64_t> blocks;           // of the original model
  std::optional<std::string> fingerprint;  // of the original model
  RemovalSet remove;                       // of the original model
  std::optional<std::string> criterion;
  Json target;            // {"remove": 3}, or null
  std::vector<int> keep;  // sorted; the protected blocks
  std::optional<int64_t> parameters_before, parameters_after;
};

// "3,5-7" (0-based, inclusive) → {3, 5, 6, 7}. `blocks` is the number of blocks in the model.
// Throws usage_error at `field`.
std::vector<int> parse_block_list(std::string_view text, int64_t blocks, std::string_view field);

// What has to be reached. Exactly one of the four is set.
struct Target {
  std::optional<int64_t> remove;       // blocks
  std::optional<double> ratio;         // share of all parameters that goes, 0 < ratio < 1
  std::optional<uint64_t> parameters;  // at most so many are left
  std::optional<uint64_t> bytes;       // at most so many bytes of tensors are left
};

// The blocks that are never removed: the "plus" rule of Shortened LLaMA (first four, last two by
// default) and those named by the user.
struct Protection {
  int64_t keep_first = 4, keep_last = 2;
  std::vector<int> keep;
};

// Parameters and bytes of each block and of all, counted from the tensors of the checkpoint.
struct Inventory {
  std::vector<uint64_t> block_parameters, block_bytes;
  uint64_t parameters = 0, bytes = 0;
};
Inventory take_inventory(const checkpoint::Checkpoint& model, int64_t blocks);

// Removes the least important unprotected blocks until the target is reached, no more than needed.
// Throws usage_error that says what is possible if it cannot be reached.
PrunePlan choose(const Inventory& inventory, const CriterionScores& scores, const Target& target,
                 const Protection& protection);

Json to_json(const PrunePlan& plan);
PrunePlan read_plan(const fs::path& file);

// Throws bad_input if the plan was made for another model (fingerprint, number of blocks) or removes
// a block that is not there, or all of them.
void check_plan(const PrunePlan& plan, const fs::path& plan_file, const std::string& fingerprint, int64_t blocks);

}  // namespace shorten::plan
