// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "jobs/bench.h"

namespace shorten::cli {

std::string bench_table(const jobs::BenchReport& report);

}  // namespace shorten::cli
