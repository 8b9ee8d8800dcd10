// SPDX-License-Identifier: Apache-2.0
// Models without some of their blocks, for tests.
#pragma once

#include <string>
#include <vector>

#include "prune/apply.h"

namespace shorten::test {

// As prune::apply does it, of a checkpoint that is opened once more as a model.
inline prune::ApplyResult apply(
    const checkpoint::Checkpoint& files, const plan::PrunePlan& plan, const fs::path& output,
    const std::vector<std::string>& argv = {}, bool force = false,
    const std::function<void(const prune::ApplyResult&)>& report = [](const prune::ApplyResult&) {}) {
  return prune::apply(family::Model(files.dir()), {plan, {}, output, argv, force}, report);
}

}  // namespace shorten::test
