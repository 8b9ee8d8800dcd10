// SPDX-License-Identifier: Apache-2.0
// Scores and plans that must be refused. To add a case: a line in a table.
#include "hostile.h"

#include "plan/plan.h"
#include "plan/scores.h"

namespace shorten::test {
namespace {

using enum ExitCode;

// ------------------------------------------------------------------------------------- scores.json

std::string sound_scores() {
  return R"({"format": "shorten.scores", "version": 1,
 "model": {"path": "m", "family": "llama", "blocks": 3, "fingerprint": "sha256:)" +
         std::string(64, 'a') + R"("},
 "calibration": {"sources": [{"path": "t.txt", "sha256": "00"}], "samples": 10, "length": 128, "bos": "none", "seed": 1},
 "baseline": {"perplexity": 32.6},
 "criteria": {"ppl": {"scores": [9.5, 1.5, "inf"], "order": [1, 0, 2],
   "detail": {"0": {"w": 1}, "1": {"w": 2}, "2": {"w": "inf"}}}}}
)";
}

HostileCase scores_case(std::string name, std::string from, std::string to, std::vector<std::string> mentions) {
  mentions.push_back("scores.json");
  return {std::move(name), [=](const fs::path& dir) { write(dir / "scores.json", replaced(sound_scores(), from, to)); },
          kBadInput, std::move(mentions)};
}

const std::vector<HostileCase> kScores = {
    {"missing", [](const fs::path&) {}, kBadInput, {"scores.json"}},
    {"empty",
     [](const fs::path& dir) { write(dir / "scores.json", ""); },
     kBadInput,
     {"scores.json", "not valid JSON"}},
    scores_case("other_format", "shorten.scores", "shorten.plan", {"format", "shorten.scores", "shorten.plan"}),
    scores_case("no_format", "\"format\"", "\"x\"", {"format"}),
    scores_case("version_2", "\"version\": 1", "\"version\": 2", {"version", "newer"}),
    scores_case("version_text", "\"version\": 1", "\"version\": \"1\"", {"version"}),
    scores_case("no_model", "\"model\"", "\"x\"", {"model"}),
    scores_case("no_blocks", "\"blocks\"", "\"x\"", {"model", "blocks"}),
    scores_case("blocks_negative", "\"blocks\": 3", "\"blocks\": -3", {"blocks", "-3"}),
    scores_case("blocks_huge", "\"blocks\": 3", "\"blocks\": 4294967299", {"blocks"}),
    scores_case("fingerprint_short", "aaaa\"", "\"", {"fingerprint", "sha256:"}),
    scores_case("fingerprint_no_hex", "aaaa\"", "aaaX\"", {"fingerprint"}),
    scores_case("too_few_scores", "9.5, ", "", {"ppl", "scores", "3, one a block"}),
    scores_case("score_nan", "9.5", "\"nan\"", {"ppl", "scores", "entry 0", "nan"}),
    scores_case("score_nan_literal", "9.5", "NaN", {"not valid JSON", "line 5"}),
    scores_case("score_null", "9.5", "null", {"scores", "entry 0", "null"}),
    scores_case("score_minus_infinity", "9.5", "\"-inf\"", {"scores", "-inf"}),
    scores_case("order_contradicts", "[1, 0, 2]", "[0, 1, 2]", {"ppl", "order", "[1,0,2]"}),
    scores_case("order_short", "[1, 0, 2]", "[1, 0]", {"order"}),
    scores_case("order_repeats", "[1, 0, 2]", "[1, 0, 0]", {"order"}),
    scores_case("detail_short", ", \"2\": {\"w\": \"inf\"}", "", {"detail", "3 entries"}),
    scores_case("detail_of_another_block", "\"2\": {", "\"3\": {", {"detail", "\"2\""}),
    scores_case("detail_no_number", "\"w\": 2", "\"w\": []", {"detail", "\"w\""}),
    scores_case("unit_no_unit", "\"order\"", "\"units\": [0, 1, \"2\"], \"order\"", {"ppl", "units", "\"2\""}),
    scores_case("unit_of_no_block", "\"order\"", "\"units\": [0, 1, 3], \"order\"", {"units", "0 to 2", "3"}),
    scores_case("units_short", "\"order\"", "\"units\": [0, 1], \"order\"", {"scores", "2, one a unit"}),
    scores_case("no_criterion", "\"ppl\"", "\"ppl\": {}, \"x\"", {"ppl", "scores"}),
    scores_case("seed_negative", "\"seed\": 1", "\"seed\": -1", {"calibration", "seed"}),
    scores_case("duplicate_key", "\"version\": 1", "\"version\": 1, \"version\": 1", {"twice", "version"}),
};

class HostileScores : public testing::TestWithParam<HostileCase> {};
TEST_P(HostileScores, AreRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) { plan::read_scores(dir / "scores.json"); });
}
INSTANTIATE_TEST_SUITE_P(File, HostileScores, testing::ValuesIn(kScores), HostileName());

// --------------------------------------------------------------------------------------- plan.json

HostileCase plan_case(std::string name, std::string rest, std::vector<std::string> mentions) {
  mentions.push_back("plan.json");
  return {std::move(name),
          [=](const fs::path& dir) {
            write(dir / "plan.json", "{\"format\": \"shorten.plan\", \"version\": 1, " + rest + "}");
          },
          kBadInput, std::move(mentions)};
}

const std::vector<HostileCase> kPlans = {
    {"other_format",
     [](const fs::path& dir) { write(dir / "plan.json", sound_scores()); },
     kBadInput,
     {"plan.json", "shorten.plan", "shorten.scores"}},
    {"version_2",
     [](const fs::path& dir) {
       write(dir / "plan.json", R"({"format": "shorten.plan", "version": 2, "remove": [1]})");
     },
     kBadInput,
     {"plan.json", "version"}},
    {"an_array", [](const fs::path& dir) { write(dir / "plan.json", "[1, 2]"); }, kBadInput, {"plan.json", "object"}},
    plan_case("no_remove", "\"removed\": [1]", {"remove", "missing"}),
    plan_case("remove_nothing", "\"remove\": []", {"remove", "no block"}),
    plan_case("remove_number", "\"remove\": 1", {"remove", "array"}),
    plan_case("remove_text", "\"remove\": [\"1\"]", {"remove"}),
    plan_case("remove_fraction", "\"remove\": [1.0]", {"remove"}),
    plan_case("remove_negative", "\"remove\": [-1]", {"remove", "-1"}),
    plan_case("remove_twice", "\"remove\": [1, 2, 1]", {"remove", "block 1", "twice"}),
    plan_case("remove_no_part", R"("remove": [{"block": 1}])", {"remove", "part"}),
    plan_case("remove_other_part", R"("remove": [{"block": 1, "part": "norm"}])", {"remove", "norm", "attention"}),
    plan_case("remove_half_of_nothing", R"("remove": [{"block": -1, "part": "mlp"}])", {"remove", "-1"}),
    plan_case("remove_half_twice", R"("remove": [{"block": 1, "part": "mlp"}, {"block": 1, "part": "mlp"}])",
              {"block 1", "twice"}),
    plan_case("remove_half_and_whole", R"("remove": [1, {"block": 1, "part": "mlp"}])", {"block 1", "twice"}),
    plan_case("remove_half_out_of_range", R"("remove": [{"block": 4, "part": "mlp"}])", {"0 to 3", "4"}),
    plan_case("remove_half_of_what_is_kept", R"("remove": [{"block": 1, "part": "mlp"}], "keep": [1])", {"1 mlp"}),
    plan_case("remove_out_of_range", "\"remove\": [1, 4]", {"remove", "0 to 3", "4"}),
    plan_case("remove_far_out_of_range", "\"remove\": [18446744073709551615]", {"remove"}),
    plan_case("remove_all", "\"remove\": [0, 1, 2, 3]", {"every block", "at most 3 of 4"}),
    plan_case("remove_what_is_kept", "\"remove\": [1], \"keep\": [0, 1]", {"keep", "block 1"}),
    plan_case("other_number_of_blocks", "\"remove\": [1], \"model\": {\"blocks\": 32}", {"blocks", "32", "4"}),
    plan_case("other_model", "\"remove\": [1], \"model\": {\"fingerprint\": \"sha256:" + std::string(64, 'b') + "\"}",
              {"another model", "fingerprint", "bbbb"}),
    plan_case("fingerprint_damaged", "\"remove\": [1], \"model\": {\"fingerprint\": \"md5:00\"}", {"fingerprint"}),
};

class HostilePlan : public testing::TestWithParam<HostileCase> {};
TEST_P(HostilePlan, IsRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) {
    const checkpoint::Checkpoint model(dir / "model");
    plan::check_plan(plan::read_plan(dir / "plan.json"), dir / "plan.json", model.fingerprint(), 4);
  });
}
INSTANTIATE_TEST_SUITE_P(File, HostilePlan, testing::ValuesIn(kPlans), HostileName());

}  // namespace
}  // namespace shorten::test
