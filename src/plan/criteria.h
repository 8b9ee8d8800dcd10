// SPDX-License-Identifier: Apache-2.0
// The table of criteria: --help, docs and "unknown criterion" come from here. How each is computed is
// one file in score/ (score/criterion.h), above the torch line; this half is what every room may know.
#pragma once

#include <span>
#include <string_view>

namespace shorten::plan {

struct CriterionInfo {
  std::string_view name;     // as on the command line and in scores.json
  std::string_view summary;  // one line of --help
  std::string_view source;   // the paper
  bool needs_text;           // calibration text
};

std::span<const CriterionInfo> criteria();

// Throws usage_error that lists the criteria if there is none of this name.
const CriterionInfo& find_criterion(std::string_view name);

}  // namespace shorten::plan
