// SPDX-License-Identifier: Apache-2.0
// What the machine has to give.
#pragma once

#include <cstdint>
#include <filesystem>

namespace shorten {

uint64_t available_memory();  // bytes this process may still take: the cgroup's limit and MemAvailable, the smaller
void reset_peak_memory();     // from now on, where the system can do that
uint64_t peak_memory();       // bytes: the largest resident set so far
int usable_cores();           // physical cores this process may run on, or what the cgroup pays for if that is less

// Whether other processes use the CPUs at this moment: more often than not within some milliseconds a thread beside the
// caller's is running or ready to, as `loadavg` counts them. Also true where that can't be read.
bool others_run(const std::filesystem::path& loadavg = "/proc/loadavg");

// What the limits of a cgroup (version 2) whose files are in `folder` leave; the largest number where it has none.
uint64_t cgroup_free_memory(const std::filesystem::path& folder);  // bytes
int cgroup_cores(const std::filesystem::path& folder);             // CPU quota, a part of a core counted as one

}  // namespace shorten
