// SPDX-License-Identifier: Apache-2.0
// What the machine has to give.
#pragma once

#include <cstdint>

namespace shorten {

uint64_t available_memory();  // bytes this process may still take: the cgroup's limit and MemAvailable, the smaller
uint64_t peak_memory();       // bytes: the largest resident set so far
int usable_cores();           // physical cores this process may run on

}  // namespace shorten
