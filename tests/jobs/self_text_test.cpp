// SPDX-License-Identifier: Apache-2.0
// Rows that end, and rows that go on.
#include "jobs/self_text.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "temp_dir.h"
#include "test_data.h"

namespace shorten::jobs {
namespace {

class SelfTextTest : public testing::Test {
 protected:
  void SetUp() override { ::setenv("XDG_CACHE_HOME", temp_.path().c_str(), 1); }

  const test::TempDir temp_;
};

TEST_F(SelfTextTest, RowsEndBehindTheFirstEndOfText) {
  fs::copy(test::source_dir() / "examples/novelist-14m", temp_ / "model");
  SelfTextRequest request{std::make_shared<family::Model>(temp_ / "model"), 40, 48};
  request.compute.device = "cpu";
  request.whole_rows = true;
  const SelfText whole = self_text(request);
  const text::TokenId stop = whole.rows[0][5];
  test::write(temp_ / "model/generation_config.json", "{\"eos_token_id\": [" + std::to_string(stop) + "]}");
  request.model = std::make_shared<family::Model>(temp_ / "model");
  request.whole_rows = false;
  const SelfText ended = self_text(request);
  ASSERT_EQ(ended.rows.size(), 40u);
  EXPECT_TRUE(ended.from_bos);
  EXPECT_FALSE(ended.cached) << "not what was kept of whole rows";
  EXPECT_LE(ended.rows[0].size(), 6u);
  for (size_t r = 0; r < ended.rows.size(); ++r) {
    const auto& row = whole.rows[r];
    const auto end = std::find(row.begin() + 1, row.end(), stop);
    EXPECT_EQ(ended.rows[r], std::vector<text::TokenId>(row.begin(), end == row.end() ? end : end + 1)) << "row " << r;
  }
  const SelfText again = self_text(request);
  EXPECT_TRUE(again.cached);
  EXPECT_EQ(again.rows, ended.rows);
  EXPECT_EQ(again.tokens_sha256, ended.tokens_sha256);
}

}  // namespace
}  // namespace shorten::jobs
