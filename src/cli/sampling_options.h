// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen: options of `generate`.
#pragma once

#include <CLI/CLI.hpp>

#include "engine/engine.h"

namespace shorten::cli {

void add_sampling_options(CLI::App& app, engine::SamplingSettings& sampling);

}  // namespace shorten::cli
