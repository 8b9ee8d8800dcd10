// SPDX-License-Identifier: Apache-2.0
// The options of `shorten heal`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"
#include "jobs/heal.h"

namespace shorten::cli {

struct HealOptions {
  std::string model, teacher, validation;
  std::vector<std::string> data;
  std::optional<int64_t> show_data;
  bool no_merge = false;
  jobs::HealRequest request;
};

void add_heal_options(CLI::App& app, HealOptions& options);

}  // namespace shorten::cli
