// SPDX-License-Identifier: Apache-2.0
// plan.json: written, read, and compared with the model it is to be used on.
#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/file_format.h"
#include "family/file_keys.h"

namespace shorten::plan {
namespace {

constexpr std::string_view kPlanFormat = "shorten.plan";

}  // namespace

Json to_json(const PrunePlan& plan) {
  Json out = {{"format", kPlanFormat}, {"version", kFileVersion}};
  if (plan.blocks) out["model"]["blocks"] = *plan.blocks;
  if (plan.fingerprint) out["model"]["fingerprint"] = *plan.fingerprint;
  out["remove"] = Json::array();
  for (const Unit& unit : plan.remove) out["remove"].push_back(to_json(unit));
  if (plan.criterion) out["criterion"] = *plan.criterion;
  if (!plan.target.is_null()) out["target"] = plan.target;
  out["keep"] = plan.keep;
  if (plan.parameters_before) out["parameters"]["before"] = *plan.parameters_before;
  if (plan.parameters_after) out["parameters"]["after"] = *plan.parameters_after;
  return out;
}

PrunePlan read_plan(const fs::path& file) {
  const Json parsed = read_format(file);
  const JsonObject json(parsed, file);
  expect_format(json, kPlanFormat);
  PrunePlan plan;
  if (json.has("model")) {
    const JsonObject model = json.object("model");
    if (model.has("blocks")) plan.blocks = model.integer("blocks", 1, family::kMaxBlocks);
    if (model.has("fingerprint")) plan.fingerprint = family::read_fingerprint(model);
  }
  plan.remove = read_removal_set(json, "remove");
  if (plan.remove.empty()) throw json.error("the plan removes no block", "remove").expected("at least one block");
  if (json.has("criterion")) plan.criterion = json.string("criterion");
  if (json.has("target")) plan.target = json.object("target").value();
  if (json.has("keep")) plan.keep = family::read_blocks(json, "keep");
  for (const Unit& unit : plan.remove) {
    if (!std::binary_search(plan.keep.begin(), plan.keep.end(), unit.block)) continue;
    throw json.error(fmt::format("the plan removes block {}, which it keeps", unit_name(unit)), "keep");
  }
  if (json.has("parameters")) {
    const JsonObject parameters = json.object("parameters");
    if (parameters.has("before")) plan.parameters_before = parameters.integer("before", 0, INT64_MAX);
    if (parameters.has("after")) plan.parameters_after = parameters.integer("after", 0, INT64_MAX);
  }
  return plan;
}

void check_plan(const PrunePlan& plan, const fs::path& plan_file, const std::string& fingerprint, int64_t blocks) {
  if (plan.blocks && *plan.blocks != blocks) {
    throw bad_input("the plan was made for a model with another number of blocks")
        .file(plan_file)
        .where("key \"model\", key \"blocks\"")
        .expected(fmt::format("{}, as this model has", blocks))
        .found(fmt::format("{}", *plan.blocks));
  }
  if (plan.fingerprint && *plan.fingerprint != fingerprint) {
    throw bad_input("the plan was made for another model")
        .file(plan_file)
        .where("key \"model\", key \"fingerprint\"")
        .expected(fingerprint + ", as this model has")
        .found(*plan.fingerprint)
        .help("make a plan for this model, or name its blocks with `drop`");
  }
  if (plan.remove.empty()) throw bad_input("the plan removes no block").file(plan_file).where("key \"remove\"");
  const int first = plan.remove.front().block, last = plan.remove.back().block;
  if (first < 0 || last >= blocks) {
    throw bad_input("the plan removes a block that the model does not have")
        .file(plan_file)
        .where("key \"remove\"")
        .expected(fmt::format("0 to {}", blocks - 1))
        .found(fmt::format("{}", first < 0 ? first : last));
  }
  if (static_cast<int64_t>(blocks_of(plan.remove).size()) >= blocks) {
    throw bad_input("the plan removes every block")
        .file(plan_file)
        .where("key \"remove\"")
        .expected(fmt::format("at most {} of {}", blocks - 1, blocks));
  }
}

}  // namespace shorten::plan
