// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "jobs/eval.h"

namespace shorten::cli {

std::string eval_table(const jobs::EvalReport& report, bool markdown);

}  // namespace shorten::cli
