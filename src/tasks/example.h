// SPDX-License-Identifier: Apache-2.0
// The usual form of an example: one context, several continuations.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/task.h"

namespace shorten::tasks {

// `context`, then for each choice a space and the choice.
Example ask(std::string_view context, std::span<const std::string> choices, int64_t gold);

}  // namespace shorten::tasks
