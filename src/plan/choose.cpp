// SPDX-License-Identifier: Apache-2.0
// From scores to a plan: the least important blocks that are not protected, as many as the target needs.
// The protection of the first four and last two is the "plus" rule of Shortened LLaMA (Kim et al., 2024).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/check.h"
#include "core/error.h"
#include "core/units.h"
#include "plan/plan.h"

namespace shorten::plan {
namespace {

std::set<int> protected_blocks(const Protection& protection, int64_t blocks) {
  if (protection.keep_first < 0 || protection.keep_last < 0)
    throw usage_error("a negative number of blocks to keep")
        .field(protection.keep_first < 0 ? "keep_first" : "keep_last");
  std::set<int> keep;
  for (int64_t i = 0; i < blocks; ++i) {
    if (i < protection.keep_first || i >= blocks - protection.keep_last) keep.insert(static_cast<int>(i));
  }
  for (const int block : protection.keep) {
    if (block < 0 || block >= blocks)
      throw usage_error("the model has no such block")
          .field("keep", std::to_string(block))
          .expected(fmt::format("0 to {}", blocks - 1));
    keep.insert(block);
  }
  return keep;
}

// What is left after some blocks went.
struct Left {
  uint64_t parameters, bytes;
  size_t removed;
};

// One way of saying how small the model must get.
struct Goal {
  std::string field, value;
  bool (*reached)(const Target&, const Inventory&, const Left&);
};

double share_removed(const Inventory& all, const Left& left) {
  return static_cast<double>(all.parameters - left.parameters) / static_cast<double>(all.parameters);
}

Goal goal_of(const Target& target) {
  const int given =
      target.remove.has_value() + target.ratio.has_value() + target.parameters.has_value() + target.bytes.has_value();
  if (given != 1) throw usage_error("give one target").expected("one of `remove`, `ratio`, `parameters`, `bytes`");
  if (target.remove) {
    if (*target.remove < 1)
      throw usage_error("nothing to remove").field("remove", std::to_string(*target.remove)).expected("1 or more");
    return {"remove", std::to_string(*target.remove), [](const Target& t, const Inventory&, const Left& l) {
              return static_cast<int64_t>(l.removed) >= *t.remove;
            }};
  }
  if (target.ratio) {
    if (!(*target.ratio > 0 && *target.ratio < 1))
      throw usage_error("the ratio is out of range")
          .field("ratio", fmt::format("{}", *target.ratio))
          .expected("more than 0 and less than 1: the share of all parameters to remove");
    return {"ratio", fmt::format("{}", *target.ratio),
            [](const Target& t, const Inventory& all, const Left& l) { return share_removed(all, l) >= *t.ratio; }};
  }
  if (target.parameters) {
    return {"parameters", human_count(*target.parameters),
            [](const Target& t, const Inventory&, const Left& l) { return l.parameters <= *t.parameters; }};
  }
  return {"bytes", human_bytes(*target.bytes),
          [](const Target& t, const Inventory&, const Left& l) { return l.bytes <= *t.bytes; }};
}

Json target_json(const Target& target, const Inventory& all, const Left& left) {
  if (target.remove) return {{"remove", *target.remove}};
  if (target.parameters) return {{"parameters", *target.parameters}};
  if (target.bytes) return {{"bytes", *target.bytes}};
  uint64_t in_blocks = 0;
  for (const uint64_t n : all.block_parameters) in_blocks += n;
  const auto gone = static_cast<double>(all.parameters - left.parameters);
  return {{"ratio", *target.ratio},
          {"of", "all parameters"},
          {"reached", share_removed(all, left)},
          {"reached_of_blocks", gone / static_cast<double>(in_blocks)}};
}

void check_scores(const CriterionScores& scores, size_t blocks) {
  if (!scores.units.empty()) throw unsupported("a plan cannot be made from scores of half blocks yet");
  if (scores.scores.size() != blocks) {
    throw bad_input("the scores are for another number of blocks")
        .expected(fmt::format("{}, as the model has", blocks))
        .found(fmt::format("{}", scores.scores.size()));
  }
  for (size_t i = 0; i < blocks; ++i) {
    if (std::isnan(scores.scores[i])) throw diverged(fmt::format("the score of block {} is NaN", i));
  }
}

}  // namespace

PrunePlan choose(const Inventory& inventory, const CriterionScores& scores, const Target& target,
                 const Protection& protection) {
  const size_t blocks = inventory.block_parameters.size();
  check_scores(scores, blocks);
  const std::set<int> keep = protected_blocks(protection, static_cast<int64_t>(blocks));
  const Goal goal = goal_of(target);

  PrunePlan plan;
  Left left{inventory.parameters, inventory.bytes, 0};
  if (goal.reached(target, inventory, left)) {
    throw usage_error("the model is already that small: there is nothing to remove")
        .field(goal.field, goal.value)
        .found(fmt::format("{} parameters, {}", human_count(left.parameters), human_bytes(left.bytes)));
  }
  for (const int block : scores.order()) {
    if (goal.reached(target, inventory, left)) break;
    if (keep.contains(block) || plan.remove.size() + 1 == blocks) continue;  // one block always stays
    plan.remove.push_back({block, Part::kWhole});
    const auto i = static_cast<size_t>(block);
    left = {left.parameters - inventory.block_parameters[i], left.bytes - inventory.block_bytes[i], left.removed + 1};
  }
  if (!goal.reached(target, inventory, left)) {
    throw usage_error("the target cannot be reached")
        .field(goal.field, goal.value)
        .expected(fmt::format("at most {} of {} blocks can go: {} are protected", left.removed, blocks,
                              blocks - left.removed))
        .found(fmt::format("the smallest model that leaves is {} parameters, {}", human_count(left.parameters),
                           human_bytes(left.bytes)))
        .help("ask for less, or protect fewer with `keep_first`, `keep_last`, `keep`");
  }
  std::sort(plan.remove.begin(), plan.remove.end());
  plan.blocks = static_cast<int64_t>(blocks);
  plan.keep.assign(keep.begin(), keep.end());
  plan.target = target_json(target, inventory, left);
  plan.parameters_before = static_cast<int64_t>(inventory.parameters);
  plan.parameters_after = static_cast<int64_t>(left.parameters);
  return plan;
}

}  // namespace shorten::plan
