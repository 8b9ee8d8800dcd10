// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "checkpoint/output_dir.h"
#include "cli/common.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/units.h"
#include "family/spec.h"
#include "prune/apply.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

struct PruneOptions {
  std::string model, plan, drop;
  CLI::Option *plan_given = nullptr, *drop_given = nullptr;
};

std::string old_indices(const std::vector<int>& kept) {
  std::string out;
  for (size_t i = 0; i < kept.size();) {  // runs as 5-7
    size_t j = i;
    while (j + 1 < kept.size() && kept[j + 1] == kept[j] + 1) ++j;
    out += (out.empty() ? "" : ",") + (i == j ? std::to_string(kept[i]) : fmt::format("{}-{}", kept[i], kept[j]));
    i = j + 1;
  }
  return out;
}

// On standard output, before the directory appears: after an error there is none.
void report(const prune::ApplyResult& result, int64_t blocks, const CommonOptions& common) {
  Json kept = Json::array();
  for (size_t i = 0; i < result.kept.size(); ++i) kept.push_back({{"new", i}, {"old", result.kept[i]}});
  const Json json = {{"format", "shorten.prune"},
                     {"version", 1},
                     {"path", common.output},
                     {"blocks", kept},
                     {"parameters", {{"before", result.parameters_before}, {"after", result.parameters_after}}},
                     {"bytes", {{"before", result.bytes_before}, {"after", result.bytes_after}}}};
  const std::string table = report::render_fields({
      {"written", printable(common.output)},
      {"blocks", fmt::format("{} -> {}: {} of the source", blocks, result.kept.size(), old_indices(result.kept))},
      {"parameters", fmt::format("{} -> {}", with_separators(static_cast<int64_t>(result.parameters_before)),
                                 with_separators(static_cast<int64_t>(result.parameters_after)))},
      {"weights", fmt::format("{} -> {}", human_bytes(result.bytes_before), human_bytes(result.bytes_after))},
  });
  write_stdout(common.json ? readable_json(json) : table);
}

void run_prune(const PruneOptions& o, const CommonOptions& common) {
  if (common.output.empty()) throw usage_error("where does the shorter model go?").help("-o DIR");
  if (!!*o.plan_given + !!*o.drop_given != 1) {
    throw usage_error("which blocks go?").expected("exactly one of --plan FILE, --drop LIST");
  }
  // What costs nothing comes before what reads every byte of the model: its fingerprint.
  plan::PrunePlan plan;
  const fs::path dir = checkpoint::resolve_model(o.model);
  std::vector<fs::path> inputs = {dir};
  if (*o.plan_given) {
    plan = plan::read_plan(o.plan);
    inputs.emplace_back(o.plan);
  }
  checkpoint::check_output_dir(common.output, inputs, common.force);
  const checkpoint::Checkpoint model(dir);
  const auto blocks = static_cast<int64_t>(family::read_spec(model).blocks.size());
  if (*o.drop_given) {
    plan.remove = plan::whole_blocks(plan::parse_block_list(o.drop, blocks, "drop"));
    if (static_cast<int64_t>(plan.remove.size()) == blocks)
      throw usage_error("--drop removes every block").expected(fmt::format("at most {} of {}", blocks - 1, blocks));
    plan.blocks = blocks;
  }
  const std::string fingerprint = model.fingerprint();
  if (*o.plan_given) {
    plan::check_plan(plan, o.plan, fingerprint, blocks);
  } else {
    plan.fingerprint = fingerprint;
  }
  prune::apply(model, blocks, fingerprint, plan, common.output, common.argv, common.force,
               [&](const prune::ApplyResult& result) { report(result, blocks, common); });
}

}  // namespace

std::function<void()> setup_prune(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<PruneOptions>();
  app.add_option("MODEL", o->model, "the model to shorten; it is not changed")->required();
  const std::string group = "Blocks, one of";
  o->plan_given = app.add_option("--plan", o->plan, "plan.json of shorten plan, or written by hand")
                      ->type_name("FILE")
                      ->group(group);
  o->drop_given = app.add_option("--drop", o->drop, "blocks to remove: 3,5-7 (0-based, inclusive)")
                      ->type_name("LIST")
                      ->group(group);
  return [o, &common] { run_prune(*o, common); };
}

}  // namespace shorten::cli
