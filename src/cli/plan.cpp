// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <fmt/format.h>

#include "cli/common.h"
#include "core/error.h"
#include "core/units.h"
#include "family/spec.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

struct PlanOptions {
  std::string model, scores, criterion = "ppl", keep;
  int64_t remove = 0;
  double ratio = 0;
  std::string parameters, size;
  plan::Protection protection;
  CLI::Option *remove_given = nullptr, *ratio_given = nullptr, *parameters_given = nullptr, *size_given = nullptr;
};

plan::Target read_target(const PlanOptions& o) {
  if (!!*o.remove_given + !!*o.ratio_given + !!*o.parameters_given + !!*o.size_given != 1) {
    throw usage_error("what is the target?")
        .expected("exactly one of --remove N, --ratio R, --params COUNT, --size BYTES");
  }
  plan::Target target;
  if (*o.remove_given) target.remove = o.remove;
  if (*o.ratio_given) target.ratio = o.ratio;
  if (*o.parameters_given) target.parameters = parse_count(o.parameters, "--params");
  if (*o.size_given) target.bytes = parse_bytes(o.size, "--size");
  return target;
}

std::string to_table(const plan::PrunePlan& plan, const plan::Inventory& inventory,
                     const plan::CriterionScores& scores) {
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
  const plan::Target target = read_target(o);
  const fs::path dir = checkpoint::resolve_model(o.model);
  check_output(common.output, common.force, {dir, o.scores});
  const checkpoint::Checkpoint model(dir);
  const family::ModelSpec spec = family::read_spec(model);
  const auto blocks = static_cast<int64_t>(spec.blocks.size());
  const plan::Scores scores = plan::read_scores(o.scores);
  const std::string fingerprint = model.fingerprint();
  if (scores.model.fingerprint != fingerprint || scores.model.blocks != blocks) {
    throw bad_input("the scores are another model's")
        .file(o.scores)
        .expected(fmt::format("{} blocks, {}", blocks, fingerprint))
        .found(fmt::format("{} blocks, {}", scores.model.blocks, scores.model.fingerprint))
        .help("run shorten score on this model");
  }
  const plan::CriterionScores* criterion = scores.find(o.criterion);
  if (!criterion) {
    std::string there;
    for (const auto& [name, unused] : scores.criteria) there += (there.empty() ? "" : ", ") + name;
    throw usage_error(fmt::format("no scores by criterion {}", printable(o.criterion, 40)))
        .file(o.scores)
        .expected("one of: " + there);
  }
  plan::Protection protection = o.protection;
  if (!o.keep.empty()) protection.keep = plan::parse_block_list(o.keep, blocks, "keep");
  const plan::Inventory inventory = plan::take_inventory(model, blocks);
  plan::PrunePlan plan = plan::choose(inventory, *criterion, target, protection);
  plan.criterion = o.criterion;
  plan.fingerprint = fingerprint;
  deliver(common, plan::to_json(plan), to_table(plan, inventory, *criterion));
}

}  // namespace

std::function<void()> setup_plan(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<PlanOptions>();
  app.add_option("MODEL", o->model, "the model that was scored")->required();
  app.add_option("--scores", o->scores, "scores.json of shorten score")->type_name("FILE")->required();
  app.add_option("--criterion", o->criterion, "which scores to go by [ppl]")->type_name("NAME");
  const std::string group = "Target, one of";
  o->remove_given = app.add_option("--remove", o->remove, "blocks to remove")
                        ->type_name("N")
                        ->check(CLI::Range(1, 1 << 20))
                        ->group(group);
  o->ratio_given =
      app.add_option("--ratio", o->ratio, "at least this share of all parameters goes")->type_name("R")->group(group);
  o->parameters_given = app.add_option("--params", o->parameters, "at most so many are left: 5.5B, 800M")
                            ->type_name("COUNT")
                            ->group(group);
  o->size_given = app.add_option("--size", o->size, "at most so many bytes of weights are left: 9GB")
                      ->type_name("BYTES")
                      ->group(group);
  app.add_option("--keep-first", o->protection.keep_first, "the first N blocks stay [4]")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--keep-last", o->protection.keep_last, "the last N blocks stay [2]")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--keep", o->keep, "these stay too: 3,5-7 (0-based, inclusive)")->type_name("LIST");
  return [o, &common] { run_plan(*o, common); };
}

}  // namespace shorten::cli
