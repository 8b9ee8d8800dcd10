// SPDX-License-Identifier: Apache-2.0
// RACE (Lai et al. 2017): an article with several problems. The last one is asked; those before it are part of the
// context, with their answers.
#pragma once

#include "core/json.h"
#include "tasks/task.h"

namespace shorten::tasks {

// Fields "article" and "problems", the latter the repr() of a list of dictionaries.
Example race_example(const JsonObject& document, const Profile& profile);

}  // namespace shorten::tasks
