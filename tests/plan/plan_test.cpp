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
  plan.remove = whole_blocks(std::vector{10, 13, 24});
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

TEST(Plan, NamesHalvesByTheirPart) {
  PrunePlan plan;
  plan.remove = {{1, Part::kMlp}, {3, Part::kWhole}, {4, Part::kAttention}};
  EXPECT_EQ(to_json(plan)["remove"].dump(), R"([{"block":1,"part":"mlp"},3,{"block":4,"part":"attention"}])");
  const test::TempDir dir;
  test::write(dir / "plan.json", readable_json(to_json(plan)));
  EXPECT_EQ(read_plan(dir / "plan.json").remove, plan.remove);
  test::write(dir / "both.json", R"({"format": "shorten.plan", "version": 1,
    "remove": [{"block": 2, "part": "mlp"}, {"block": 2, "part": "attention"}]})");
  EXPECT_EQ(read_plan(dir / "both.json").remove, (RemovalSet{{2, Part::kWhole}}));
}

TEST(Plan, ByHandNeedsThreeKeysAndNoOrder) {
  const test::TempDir dir;
  test::write(dir / "plan.json",
              "{\"format\": \"shorten.plan\", \"version\": 1, \"remove\": [7, 3], \"note\": \"mine\"}");
  const PrunePlan plan = read_plan(dir / "plan.json");
  EXPECT_THAT(blocks_of(plan.remove), ElementsAre(3, 7));
  EXPECT_FALSE(plan.fingerprint);
  EXPECT_NO_THROW(check_plan(plan, dir / "plan.json", "sha256:any", 8));
  EXPECT_THROW(check_plan(plan, dir / "plan.json", "sha256:any", 7), Error);
}

}  // namespace
}  // namespace shorten::plan
