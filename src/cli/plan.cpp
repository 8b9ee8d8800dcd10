// SPDX-License-Identifier: Apache-2.0
#include "jobs/plan.h"

#include <fmt/format.h>

#include <optional>

#include "cli/common.h"
#include "core/error.h"
#include "core/units.h"
#include "jobs/outputs.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

struct PlanOptions {
  std::string model, scores, criterion = "ppl", keep;
  std::optional<int64_t> remove;
  std::optional<double> ratio;
  std::optional<std::string> parameters, size;
  plan::Protection protection;
};

plan::Target read_target(const PlanOptions& o) {
  if (o.remove.has_value() + o.ratio.has_value() + o.parameters.has_value() + o.size.has_value() != 1)
    throw usage_error("no target given").expected("exactly one of --remove N, --ratio R, --params COUNT, --size BYTES");
  plan::Target target;
  target.remove = o.remove;
  target.ratio = o.ratio;
  if (o.parameters) target.parameters = parse_count(*o.parameters, "--params");
  if (o.size) target.bytes = parse_bytes(*o.size, "--size");
  return target;
}

std::string to_table(const jobs::PlanResult& result) {
  const auto& [plan, inventory, scores] = result;
  uint64_t block_parameters = 0, removed_parameters = 0, bytes_after = inventory.bytes;
  for (const uint64_t n : inventory.block_parameters) block_parameters += n;
  std::vector<std::vector<std::string>> rows;
  for (const plan::Unit& unit : plan.remove) {
    const auto i = static_cast<size_t>(unit.block);
    removed_parameters += inventory.block_parameters[i];
    bytes_after -= inventory.block_bytes[i];
    rows.push_back({plan::unit_name(unit),
                    fmt::format("{:.{}f}", scores.scores[i], report::table_decimals(scores.scores)),
                    with_separators(static_cast<int64_t>(inventory.block_parameters[i]))});
  }
  const auto share = [&](uint64_t of) {
    return 100.0 * static_cast<double>(removed_parameters) / static_cast<double>(of);
  };
  std::string out = report::render_table({{"removed block"}, {*plan.criterion}, {"parameters"}}, rows);
  return out + report::render_fields({
                   {"blocks", fmt::format("{} -> {}", inventory.block_parameters.size(),
                                          inventory.block_parameters.size() - plan.remove.size())},
                   {"parameters", fmt::format("{} -> {}", with_separators(*plan.parameters_before),
                                              with_separators(*plan.parameters_after))},
                   {"", fmt::format("-{:.1f} % of all, -{:.1f} % of those in blocks", share(inventory.parameters),
                                    share(block_parameters))},
                   {"weights", fmt::format("{} -> {}", human_bytes(inventory.bytes), human_bytes(bytes_after))},
               });
}

void run_plan(const PlanOptions& o, const CommonOptions& common) {
  jobs::PlanRequest request;
  request.target = read_target(o);
  request.model = family::open_model(o.model);
  jobs::check_output(common.output, common.force, {request.model->dir(), o.scores});
  request.scores = plan::read_scores(o.scores);
  request.scores_file = o.scores;
  request.criterion = o.criterion;
  request.protection = o.protection;
  if (!o.keep.empty()) request.protection.keep = plan::parse_block_list(o.keep, request.model->blocks(), "keep");
  const jobs::PlanResult result = jobs::make_plan(request);
  deliver(common, plan::to_json(result.plan), to_table(result));
}

}  // namespace

std::function<void()> setup_plan(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<PlanOptions>();
  app.add_option("MODEL", o->model, "the model that was scored")->required();
  app.add_option("--scores", o->scores, "scores.json of shorten score")->type_name("FILE")->required();
  app.add_option("--criterion", o->criterion, "criterion to use [ppl]")->type_name("NAME");
  const std::string group = "Target, one of";
  app.add_option("--remove", o->remove, "remove N blocks")->type_name("N")->check(CLI::Range(1, 1 << 20))->group(group);
  app.add_option("--ratio", o->ratio, "remove at least this share of all parameters")->type_name("R")->group(group);
  app.add_option("--params", o->parameters, "keep at most so many parameters: 5.5B, 800M")
      ->type_name("COUNT")
      ->group(group);
  app.add_option("--size", o->size, "keep at most so many bytes of weights: 9GB")->type_name("BYTES")->group(group);
  app.add_option("--keep-first", o->protection.keep_first, "keep the first N blocks [4]")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--keep-last", o->protection.keep_last, "keep the last N blocks [2]")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--keep", o->keep, "keep these blocks too: 3,5-7 (0-based, inclusive)")->type_name("LIST");
  return [o, &common] { run_plan(*o, common); };
}

}  // namespace shorten::cli
