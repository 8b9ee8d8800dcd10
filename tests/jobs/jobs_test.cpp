// SPDX-License-Identifier: Apache-2.0
// The library as a program would use it: several jobs in one process, hooks, stopping.
#include <gmock/gmock.h>

#include <thread>

#include "core/error.h"
#include "jobs/eval.h"
#include "jobs/heal.h"
#include "jobs/plan.h"
#include "jobs/prune.h"
#include "jobs/score.h"
#include "temp_dir.h"
#include "test_data.h"

namespace shorten::jobs {
namespace {

const std::string kNovelist = (test::source_dir() / "examples/novelist-14m").string();
const std::string kText = (test::source_dir() / "examples/texts/calibrate.txt").string();

ScoreRequest score_request(uint64_t seed) {
  ScoreRequest request;
  request.model = family::open_model(kNovelist);
  request.criteria = {"bi"};
  request.text = {kText};
  request.samples = 2;
  request.length = 32;
  request.seed = seed;
  request.compute.device = "cpu";
  return request;
}

TEST(Jobs, TwoAtATimeHearThemselvesOnly) {
  const std::vector<double> alone = score_blocks(score_request(1)).criteria[0].second.scores;
  std::vector<double> together;
  std::atomic<int64_t> first = 0, second = 0;
  Hooks hooks, other;
  hooks.on_progress = [&](const ProgressState& state) { first += state.ended ? 1 : 0; };
  other.on_progress = [&](const ProgressState& state) { second += state.ended ? 1 : 0; };
  {
    const std::jthread one([&] { together = score_blocks(score_request(1), hooks).criteria[0].second.scores; });
    const std::jthread two([&] { score_blocks(score_request(2), other); });
  }
  EXPECT_EQ(together, alone);
  EXPECT_EQ(first, second);
  EXPECT_GT(first, 0);
}

TEST(Jobs, AStoppedOneThrows) {
  std::stop_source stop;
  Hooks hooks;
  hooks.stop = stop.get_token();
  hooks.on_progress = [&](const ProgressState& state) {
    if (state.label == "scoring") stop.request_stop();
  };
  try {
    score_blocks(score_request(1), hooks);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kInterrupted);
  }
}

TEST(Jobs, FromScoresToAHealedModel) {
  const test::TempDir temp;
  ::setenv("XDG_CACHE_HOME", temp.path().c_str(), 1);
  PlanRequest plan{family::open_model(kNovelist), score_blocks(score_request(1)), {}, "bi"};
  plan.target.remove = 2;
  PruneRequest prune;
  prune.model = plan.model;
  prune.plan = make_plan(plan).plan;
  prune.output = temp / "shorter";
  EXPECT_EQ(prune_model(prune).kept.size(), 30u);

  HealRequest heal;
  heal.model = family::open_model(prune.output);
  heal.run = temp / "run";
  heal.place.device = "cpu";
  heal.settings.method = recipe::Method::kFull;
  heal.settings.steps = 2;
  heal.settings.warmup = 0;
  heal.settings.batch = 2;
  heal.settings.length = 16;
  std::stop_source stop;
  Hooks hooks;
  hooks.stop = stop.get_token();
  auto run = prepare_heal(heal);
  stop.request_stop();
  EXPECT_THROW(run->train(hooks, [](const Json&) {}), Error);
  ASSERT_TRUE(run->can_continue(interrupted("")));
  run.reset();  // it holds the folder

  const auto again = resume_heal(heal.run, {});
  ASSERT_FALSE(again->finished());
  again->train({}, [](const Json&) {});
  EXPECT_EQ(again->report()["steps"], 2);
  EXPECT_EQ(family::open_model(heal.run / "model")->blocks(), 30);
}

// Each tree of tokens is computed by one thread, so short windows have the same bits with any number of threads.
TEST(Jobs, ShortWindowsHaveTheSameBitsWithAnyNumberOfThreads) {
  const auto loss = [](int64_t window, int threads) {
    EvalRequest request;
    request.models = {family::open_model(kNovelist)};
    request.texts = {{"t", {"t", "", {{.text = "The clerk opened the door and said nothing at all to her."}}}}};
    request.window = window;
    request.compute = {"cpu", "fp32", threads};
    return evaluate(request)->models[0].perplexity[0].nll;
  };
  for (const int64_t window : {2, 4, 8}) EXPECT_EQ(loss(window, 1), loss(window, 2)) << window;
}

TEST(Jobs, AWrongSettingIsNamedByItsField) {
  HealRequest heal;
  heal.model = family::open_model(kNovelist);
  heal.run = "nowhere";
  heal.settings.lr = 2;
  try {
    prepare_heal(heal);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.field(), "lr");
  }
}

}  // namespace
}  // namespace shorten::jobs
