// SPDX-License-Identifier: Apache-2.0
// Scores a model, removes eight blocks and heals it, with the library alone.
//   shorten_example MODEL TEXT FOLDER      FOLDER must exist; it gets shorter/ and run/
#include <iostream>

#include "core/error.h"
#include "jobs/heal.h"
#include "jobs/plan.h"
#include "jobs/prune.h"
#include "jobs/score.h"

int main(int argc, char** argv) {
  using namespace shorten;
  if (argc != 4) return std::cerr << "usage: shorten_example MODEL TEXT FOLDER\n", 2;
  Hooks hooks;
  hooks.on_message = [](Level, std::string_view message) { std::cerr << message << "\n"; };
  const fs::path folder = argv[3];
  try {
    jobs::ScoreRequest score;
    score.model = family::open_model(argv[1]);
    score.text = {argv[2]};

    jobs::PlanRequest plan{score.model, jobs::score_blocks(score, hooks)};
    plan.target.remove = 8;

    jobs::PruneRequest prune;
    prune.model = score.model;
    prune.plan = jobs::make_plan(plan).plan;
    prune.output = folder / "shorter";
    const jobs::PruneResult pruned = jobs::prune_model(prune, hooks);
    std::cout << pruned.parameters_before << " -> " << pruned.parameters_after << " parameters\n";

    jobs::HealRequest heal;  // the parent generates the text and acts as teacher
    heal.model = family::open_model(prune.output);
    heal.run = folder / "run";
    heal.settings.method = recipe::Method::kFull;
    heal.settings.lr = 5e-4;
    heal.settings.steps = 4;
    heal.settings.warmup = 1;
    heal.settings.batch = 8;
    heal.settings.length = 48;
    const Json report = jobs::heal_model(heal, hooks);
    std::cout << report["steps"] << " steps; the model is " << (heal.run / "model").string() << "\n";
  } catch (const Error& error) {
    return std::cerr << error.what() << "\n", static_cast<int>(error.code());
  }
}
