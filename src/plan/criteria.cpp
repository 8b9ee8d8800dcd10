// SPDX-License-Identifier: Apache-2.0
#include "plan/criteria.h"

#include <fmt/format.h>

#include <array>

#include "core/error.h"

namespace shorten::plan {

std::span<const CriterionInfo> criteria() {
  static constexpr std::array kCriteria = {
      CriterionInfo{"ppl", "perplexity of the model without the block", "Kim et al. 2024, arXiv 2402.02834", true},
      CriterionInfo{"taylor", "first-order change of the loss, |weight x gradient|",
                    "Kim et al. 2024, arXiv 2402.02834", true},
      CriterionInfo{"magnitude", "sum of |weight|", "Kim et al. 2024, arXiv 2402.02834", false},
      CriterionInfo{"bi", "block influence, 1 - mean cosine of input and output", "Men et al. 2024, arXiv 2403.03853",
                    true},
      CriterionInfo{"random", "uniform numbers from the seed: the baseline to beat", "", false},
  };
  return kCriteria;
}

const CriterionInfo& find_criterion(std::string_view name) {
  std::string known;
  for (const CriterionInfo& criterion : criteria()) {
    if (criterion.name == name) return criterion;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", criterion.name);
  }
  throw usage_error(fmt::format("unknown criterion \"{}\"", printable(name, 40))).expected("one or more of: " + known);
}

}  // namespace shorten::plan
