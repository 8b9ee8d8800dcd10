// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen: options of `generate`.
#pragma once

#include <CLI/CLI.hpp>

#include "engine/engine.h"

namespace shorten::cli {

void add_sampling_options(CLI::App& app, SamplingSettings& sampling);

// Throws usage_error for a value that makes no sense, naming the option.
void check_sampling(const SamplingSettings& sampling);

}  // namespace shorten::cli
