// SPDX-License-Identifier: Apache-2.0
// Whether a result may go where it is wanted, found out before any work.
#pragma once

#include <vector>

#include "core/file.h"

namespace shorten::jobs {

// The absolute name without links, also of what is not there yet.
fs::path real_path(const fs::path& path);

// Refuses a file that exists (without `force`), and always one that is an input: the same file, or inside a folder that
// is read. Nothing is checked of an empty name.
void check_output(const fs::path& output, bool force, const std::vector<fs::path>& inputs);

// The second half alone: for outputs that are folders.
void check_not_input(const fs::path& output, const std::vector<fs::path>& inputs);

}  // namespace shorten::jobs
