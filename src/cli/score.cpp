// SPDX-License-Identifier: Apache-2.0
#include "jobs/score.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/common.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "jobs/outputs.h"
#include "plan/criteria.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

constexpr char kSelf[] = "self";  // as --text: what the model writes itself

// One row a block; of each criterion the score and the rank.
std::string to_table(const plan::Scores& scores) {
  std::vector<report::Column> columns = {{"block"}};
  std::vector<std::vector<size_t>> rank;
  for (const auto& [name, criterion] : scores.criteria) {
    columns.push_back({name});
    columns.push_back({"rank"});
    const std::vector<int> order = criterion.order();
    rank.emplace_back(order.size());
    for (size_t place = 0; place < order.size(); ++place) rank.back()[static_cast<size_t>(order[place])] = place + 1;
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t b = 0; b < static_cast<size_t>(scores.model.blocks); ++b) {
    rows.push_back({std::to_string(b)});
    for (size_t c = 0; c < scores.criteria.size(); ++c) {
      const std::vector<double>& column = scores.criteria[c].second.scores;
      rows.back().push_back(fmt::format("{:.{}f}", column[b], report::table_decimals(column)));
      rows.back().push_back(std::to_string(rank[c][b]));
    }
  }
  std::string out = report::render_table(columns, rows);
  if (scores.baseline_perplexity)
    out += fmt::format("perplexity of the whole model on the calibration text: {:.4f}\n", *scores.baseline_perplexity);
  return out + "rank 1 is the least important block\n";
}

void run_score(const std::string& model, jobs::ScoreRequest request, const CommonOptions& common) {
  request.self_text = request.text == std::vector<std::string>{kSelf};
  if (request.self_text) request.text.clear();
  if (std::count(request.text.begin(), request.text.end(), kSelf) > 0) {
    throw usage_error("self cannot be combined with other texts")
        .where("--text self")
        .help("a file of that name is given as ./self");
  }
  for (const std::string& name : request.criteria) plan::find_criterion(name);
  request.model = family::open_model(model);
  std::vector<fs::path> inputs = {request.model->dir()};
  inputs.insert(inputs.end(), request.text.begin(), request.text.end());
  jobs::check_output(common.output, common.force, inputs);
  request.seed = common.seed_or_default();
  request.compute = common.place.options();
  const plan::Scores scores = jobs::score_blocks(request, common.hooks);
  deliver(common, plan::to_json(scores), to_table(scores));
}

std::string criteria_help() {
  std::string out = "\nCriteria (low = least important):\n";
  for (const plan::CriterionInfo& c : plan::criteria()) {
    out += fmt::format("  {:<10} {}\n", c.name, c.summary);
    if (!c.source.empty()) out += fmt::format("  {:<10} {}\n", "", c.source);
  }
  return out;
}

}  // namespace

std::function<void()> setup_score(CLI::App& app, CommonOptions& common) {
  auto model = std::make_shared<std::string>();
  auto o = std::make_shared<jobs::ScoreRequest>();
  app.add_option("MODEL", *model, "a Hugging Face directory, or org/name in the Hub cache")->required();
  app.add_option("--criterion", o->criteria, "one or more, separated by commas [ppl]")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--text", o->text,
                 "calibration text: .txt, .jsonl, .json or a folder; or self: the model generates it")
      ->type_name("SOURCE");
  app.add_option("--samples", o->samples, "calibration windows [10]")->type_name("N")->check(CLI::Range(1, 1 << 24));
  app.add_option("--length", o->length, "tokens per window [128]")->type_name("N")->check(CLI::Range(2, 1 << 24));
  add_text_options(app, o->tokens);
  app.footer(criteria_help());
  return [model, o, &common] { run_score(*model, *o, common); };
}

}  // namespace shorten::cli
