// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/json_text.h"
#include "temp_dir.h"

namespace shorten::plan {
namespace {

using testing::ElementsAre;

TEST(Plan, ReadsBackAsItWas) {
  PrunePlan plan;
  plan.blocks = 32;
  plan.fingerprint = "sha256:" + std::string(64, '7');
  plan.remove = {10, 13, 24};
  plan.criterion = "ppl";
  plan.target = {{"remove", 3}};
  plan.keep = {0, 1, 2, 3, 30, 31};
  plan.parameters_before = 14561472;
  plan.parameters_after = 13200000;
  const test::TempDir dir;
  test::write(dir / "plan.json", readable_json(to_json(plan)));
  const PrunePlan read = read_plan(dir / "plan.json");
  EXPECT_EQ(to_json(read), to_json(plan));
  EXPECT_EQ(read.remove, plan.remove);
  EXPECT_NO_THROW(check_plan(read, dir / "plan.json", *plan.fingerprint, 32));
}

TEST(Plan, ByHandNeedsThreeKeysAndNoOrder) {
  const test::TempDir dir;
  test::write(dir / "plan.json",
              "{\"format\": \"shorten.plan\", \"version\": 1, \"remove\": [7, 3], \"note\": \"mine\"}");
  const PrunePlan plan = read_plan(dir / "plan.json");
  EXPECT_THAT(plan.remove, ElementsAre(3, 7));
  EXPECT_FALSE(plan.fingerprint);
  EXPECT_NO_THROW(check_plan(plan, dir / "plan.json", "sha256:any", 8));
  EXPECT_THROW(check_plan(plan, dir / "plan.json", "sha256:any", 7), Error);
}

}  // namespace
}  // namespace shorten::plan
