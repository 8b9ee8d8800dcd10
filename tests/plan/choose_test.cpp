// SPDX-License-Identifier: Apache-2.0
// Selections are compared with those of Shortened LLaMA (arXiv 2402.02834), from the block orders that
// its authors published for LLaMA-1 7B; sizes with those of the models they released.
#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "plan/plan.h"

namespace shorten::plan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kBlock = 202'383'360, kAll = 6'738'415'616;  // LLaMA-1 7B

Inventory llama_7b() {
  return {std::vector<uint64_t>(32, kBlock), std::vector<uint64_t>(32, 2 * kBlock), kAll, 2 * kAll};
}

CriterionScores scores_with_order(const std::vector<int>& order) {
  CriterionScores s{std::vector<double>(order.size()), {}};
  for (size_t i = 0; i < order.size(); ++i) s.scores[static_cast<size_t>(order[i])] = static_cast<double>(i);
  return s;
}

CriterionScores ppl() {
  return scores_with_order({24, 26, 25, 10, 27, 13, 22, 14, 9,  29, 12, 15, 8, 21, 7, 28,
                            6,  16, 18, 23, 5,  20, 11, 19, 17, 3,  4,  30, 1, 31, 2, 0});
}
CriterionScores taylor() {
  return scores_with_order({0,  27, 24, 26, 25, 29, 28, 23, 22, 21, 30, 20, 19, 18, 17, 15,
                            14, 13, 16, 31, 1,  12, 11, 10, 9,  8,  7,  6,  5,  3,  2,  4});
}

Target remove(int64_t n) { return {.remove = n, .ratio = {}, .parameters = {}, .bytes = {}}; }

Error error_of(const Target& target, const Protection& protection = {}, const CriterionScores& scores = ppl()) {
  try {
    choose(llama_7b(), scores, target, protection);
  } catch (const Error& e) {
    return e;
  }
  return usage_error("no error");
}

TEST(Choose, RemovesTheLeastImportantAsThePaperDid) {
  EXPECT_THAT(blocks_of(choose(llama_7b(), ppl(), remove(6), {}).remove), ElementsAre(10, 13, 24, 25, 26, 27));
  EXPECT_THAT(blocks_of(choose(llama_7b(), ppl(), remove(9), {}).remove),
              ElementsAre(9, 10, 13, 14, 22, 24, 25, 26, 27));
  EXPECT_THAT(blocks_of(choose(llama_7b(), ppl(), remove(11), {}).remove),
              ElementsAre(9, 10, 12, 13, 14, 22, 24, 25, 26, 27, 29));
  EXPECT_THAT(blocks_of(choose(llama_7b(), taylor(), remove(6), {}).remove), ElementsAre(24, 25, 26, 27, 28, 29));
  EXPECT_THAT(blocks_of(choose(llama_7b(), taylor(), remove(11), {}).remove),
              ElementsAre(19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29));
}

TEST(Choose, SizesAreThoseOfTheReleasedModels) {
  for (const auto& [removed, left] :
       {std::pair<int64_t, int64_t>{6, 5'524'115'456}, {9, 4'916'965'376}, {11, 4'512'198'656}, {26, 1'476'448'256}}) {
    const PrunePlan plan = choose(llama_7b(), ppl(), remove(removed), {});
    EXPECT_EQ(plan.parameters_before, static_cast<int64_t>(kAll));
    EXPECT_EQ(plan.parameters_after, left);
  }
}

TEST(Choose, ProtectionCanBeTurnedOffAndExtended) {
  EXPECT_THAT(blocks_of(choose(llama_7b(), taylor(), remove(2), {.keep_first = 0, .keep_last = 0, .keep = {}}).remove),
              ElementsAre(0, 27));
  const PrunePlan plan = choose(llama_7b(), ppl(), remove(2), {.keep_first = 1, .keep_last = 1, .keep = {24, 26, 0}});
  EXPECT_THAT(blocks_of(plan.remove), ElementsAre(10, 25));
  EXPECT_THAT(plan.keep, ElementsAre(0, 24, 26, 31));
}

TEST(Choose, TargetsAreReachedWithNoBlockMoreThanNeeded) {
  EXPECT_EQ(choose(llama_7b(), ppl(), {.remove = {}, .ratio = 0.2, .parameters = {}, .bytes = {}}, {}).remove.size(),
            7u);  // 6 blocks are 18.0 %
  EXPECT_EQ(choose(llama_7b(), ppl(), {.remove = {}, .ratio = 0.18, .parameters = {}, .bytes = {}}, {}).remove.size(),
            6u);
  EXPECT_EQ(choose(llama_7b(), ppl(), {.remove = {}, .ratio = {}, .parameters = 5'524'115'456, .bytes = {}}, {})
                .remove.size(),
            6u);
  EXPECT_EQ(choose(llama_7b(), ppl(), {.remove = {}, .ratio = {}, .parameters = 5'524'115'455, .bytes = {}}, {})
                .remove.size(),
            7u);
  EXPECT_EQ(choose(llama_7b(), ppl(), {.remove = {}, .ratio = {}, .parameters = {}, .bytes = 9'000'000'000}, {})
                .remove.size(),
            12u);
}

TEST(Choose, TheRatioSaysWhatItIsAShareOf) {
  const Json target = choose(llama_7b(), ppl(), {.remove = {}, .ratio = 0.2, .parameters = {}, .bytes = {}}, {}).target;
  EXPECT_EQ(target["ratio"], 0.2);
  EXPECT_EQ(target["of"], "all parameters");
  EXPECT_NEAR(target["reached"], 7.0 * kBlock / kAll, 1e-12);
  EXPECT_NEAR(target["reached_of_blocks"], 7.0 / 32, 1e-12);
}

TEST(Choose, UnreachableTargetsSayWhatIsPossible) {
  const Error e = error_of(remove(27));
  EXPECT_EQ(e.code(), ExitCode::kUsage);
  EXPECT_THAT(e.block(), AllOf(HasSubstr("remove 27"), HasSubstr("at most 26 of 32 blocks can go: 6 are protected"),
                               HasSubstr("1.48 B parameters")));
  EXPECT_THAT(error_of({.remove = {}, .ratio = 0.9, .parameters = {}, .bytes = {}}).block(), HasSubstr("ratio 0.9"));
  EXPECT_THAT(error_of({.remove = {}, .ratio = {}, .parameters = 1'000'000, .bytes = {}}).block(),
              HasSubstr("at most 26 of 32"));
}

TEST(Choose, OneBlockAlwaysStays) {
  EXPECT_THAT(error_of(remove(32), {.keep_first = 0, .keep_last = 0, .keep = {}}).block(),
              HasSubstr("at most 31 of 32 blocks"));
}

TEST(Choose, NonsenseIsRefused) {
  EXPECT_EQ(error_of({}).code(), ExitCode::kUsage);
  EXPECT_EQ(error_of(remove(0)).code(), ExitCode::kUsage);
  EXPECT_EQ(error_of({.remove = 1, .ratio = 0.5, .parameters = {}, .bytes = {}}).code(), ExitCode::kUsage);
  for (const double ratio : {0.0, 1.0, -0.1, 1.5, std::nan("")})
    EXPECT_EQ(error_of({.remove = {}, .ratio = ratio, .parameters = {}, .bytes = {}}).code(), ExitCode::kUsage);
  EXPECT_THAT(error_of({.remove = {}, .ratio = {}, .parameters = kAll, .bytes = {}}).block(),
              HasSubstr("already that small"));
  EXPECT_EQ(error_of(remove(1), {.keep_first = -1, .keep_last = 0, .keep = {}}).code(), ExitCode::kUsage);
  EXPECT_THAT(error_of(remove(1), {.keep_first = 0, .keep_last = 0, .keep = {32}}).block(), HasSubstr("keep 32"));
  EXPECT_THROW(choose(llama_7b(), {{1, 2, 3}, {}}, remove(1), {}), Error);
  CriterionScores halves = ppl();
  halves.units.assign(halves.scores.size(), Unit{0, Part::kMlp});
  EXPECT_EQ(error_of(remove(1), {}, halves).code(), ExitCode::kUnsupported);
  CriterionScores bad = ppl();
  bad.scores[5] = std::nan("");
  EXPECT_THROW(choose(llama_7b(), bad, remove(1), {}), Error);
}

}  // namespace
}  // namespace shorten::plan
