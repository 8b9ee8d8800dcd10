// SPDX-License-Identifier: Apache-2.0
#include "core/system.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

namespace shorten {
namespace {

// The first number of a file such as /sys/fs/cgroup/memory.max; `fallback` if it says "max" or is not there.
uint64_t number_in(const std::string& file, uint64_t fallback) {
  std::ifstream in(file);
  uint64_t value = 0;
  return in >> value ? value : fallback;
}

}  // namespace

uint64_t available_memory() {
  uint64_t available = UINT64_MAX;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key; meminfo >> key;) {
    uint64_t kibibytes = 0;
    if (key == "MemAvailable:" && meminfo >> kibibytes) available = kibibytes * 1024;
  }
  const uint64_t limit = number_in("/sys/fs/cgroup/memory.max", UINT64_MAX);
  const uint64_t used = number_in("/sys/fs/cgroup/memory.current", 0);
  if (limit != UINT64_MAX) available = std::min(available, limit - std::min(used, limit));
  return available;
}

uint64_t peak_memory() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

int usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  // Two hardware threads of one core share its arithmetic units: count cores by their first sibling.
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream siblings("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string list;
    cores.insert(siblings >> list ? list : std::to_string(cpu));
  }
  return std::max(1, static_cast<int>(cores.size()));
}

}  // namespace shorten
