// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <gtest/gtest.h>

namespace shorten {
namespace {

std::string option(const std::string& field) { return field == "lr" || field == "warmup" ? "--" + field : ""; }

TEST(Error, NamesAFieldAsItsPlace) {
  const Error error = usage_error("out of range").field("lr", "2").expected("at most 1");
  EXPECT_EQ(error.field(), "lr");
  EXPECT_EQ(error.where(), "lr 2");
}

TEST(Error, ShowsFieldsUnderOtherNames) {
  const Error error = usage_error("`lr` is too large")
                          .field("lr", "2")
                          .found("`lr`")
                          .help("use a smaller `lr` or a longer `warmup`, not `this`, nor one ` alone")
                          .with_field_names(option);
  EXPECT_EQ(error.message(), "--lr is too large");
  EXPECT_EQ(error.where(), "--lr 2");
  EXPECT_EQ(error.found(), "`lr`");  // a user's own text
  EXPECT_EQ(error.help(), "use a smaller --lr or a longer --warmup, not `this`, nor one ` alone");
  EXPECT_EQ(std::string(error.what()), error.block());
}

}  // namespace
}  // namespace shorten
