// SPDX-License-Identifier: Apache-2.0
// HellaSwag (Zellers et al. 2019): its texts carry the marks of the pages that they were taken from.
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"
#include "tasks/task.h"

namespace shorten::tasks {

// A text without the marks in brackets. White space that they leave at the ends stays.
std::string hellaswag_text(std::string_view text);
std::string hellaswag_query(std::string_view activity, std::string_view ctx_a, std::string_view ctx_b);

Example hellaswag_example(const JsonObject& document, const Profile& profile);

}  // namespace shorten::tasks
