// SPDX-License-Identifier: Apache-2.0
#include "jobs/prune.h"

#include <fmt/format.h>

#include <optional>

#include "checkpoint/output_dir.h"
#include "cli/common.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/units.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

struct PruneOptions {
  std::string model;
  std::optional<std::string> plan, drop;
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
void report(const jobs::PruneResult& result, int64_t blocks, const CommonOptions& common) {
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
  if (common.output.empty()) throw usage_error("no output given").help("-o DIR");
  if (o.plan.has_value() == o.drop.has_value())
    throw usage_error("no blocks given").expected("exactly one of --plan FILE, --drop LIST");
  jobs::PruneRequest request;
  if (o.plan) {
    request.plan = plan::read_plan(*o.plan);
    request.plan_file = *o.plan;
  }
  // What costs nothing comes before the model is opened.
  const fs::path source = checkpoint::resolve_model(o.model);
  checkpoint::check_output_dir(common.output, {source}, common.force);
  request.model = family::open_model(o.model);
  const int64_t blocks = request.model->blocks();
  if (o.drop) {
    request.plan.remove = plan::whole_blocks(plan::parse_block_list(*o.drop, blocks, "drop"));
    if (static_cast<int64_t>(request.plan.remove.size()) == blocks)
      throw usage_error("--drop removes every block").expected(fmt::format("at most {} of {}", blocks - 1, blocks));
    request.plan.blocks = blocks;
  }
  request.output = common.output;
  request.force = common.force;
  request.command = common.argv;
  request.before_commit = [&](const jobs::PruneResult& result) { report(result, blocks, common); };
  jobs::prune_model(request, common.hooks);
}

}  // namespace

std::function<void()> setup_prune(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<PruneOptions>();
  app.add_option("MODEL", o->model, "the model to shorten; it is not changed")->required();
  const std::string group = "Blocks to remove, one of";
  app.add_option("--plan", o->plan, "plan.json of shorten plan, or written by hand")->type_name("FILE")->group(group);
  app.add_option("--drop", o->drop, "blocks to remove: 3,5-7 (0-based, inclusive)")->type_name("LIST")->group(group);
  return [o, &common] { run_prune(*o, common); };
}

}  // namespace shorten::cli
