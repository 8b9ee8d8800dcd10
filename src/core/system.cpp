// SPDX-License-Identifier: Apache-2.0
#include "core/system.h"

#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace shorten {
namespace {

constexpr char kCgroup[] = "/sys/fs/cgroup";  // ours, as a container sees it

// The first number of a file such as memory.max; `fallback` if it says "max" or is not there.
uint64_t number_in(const std::filesystem::path& file, uint64_t fallback) {
  std::ifstream in(file);
  uint64_t value = 0;
  return in >> value ? value : fallback;
}

// The value after `wanted` in a file of keys and numbers such as memory.stat or /proc/meminfo.
uint64_t value_of(const std::filesystem::path& file, std::string_view wanted, uint64_t fallback) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string key;
    uint64_t value = 0;
    if (words >> key >> value && key == wanted) return value;
  }
  return fallback;
}

}  // namespace

uint64_t cgroup_free_memory(const std::filesystem::path& folder) {
  constexpr uint64_t kNone = UINT64_MAX;
  const uint64_t limit = number_in(folder / "memory.max", kNone);
  if (limit == kNone) return kNone;
  // The page cache counts as used, but what of it nobody maps is given up when memory is wanted. Without
  // this a checkpoint that was just read, for its fingerprint, would seem to fill the memory.
  const uint64_t current = number_in(folder / "memory.current", 0);
  const uint64_t cached = value_of(folder / "memory.stat", "inactive_file", 0);
  const uint64_t used = current - std::min(cached, current);
  return limit - std::min(used, limit);
}

int cgroup_cores(const std::filesystem::path& folder) {
  std::ifstream in(folder / "cpu.max");  // "QUOTA PERIOD" in microseconds, or "max PERIOD"
  int64_t quota = 0, period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return INT_MAX;
  return static_cast<int>(std::min<int64_t>((quota - 1) / period + 1, INT_MAX));
}

uint64_t available_memory() {
  const uint64_t kibibytes = value_of("/proc/meminfo", "MemAvailable:", UINT64_MAX / 1024);
  return std::min(kibibytes * 1024, cgroup_free_memory(kCgroup));
}

void reset_peak_memory() {
  malloc_trim(0);  // what was freed and not given back counts as resident
  std::ofstream("/proc/self/clear_refs") << "5";
}

uint64_t peak_memory() {
  return value_of("/proc/self/status", "VmHWM:", 0) * 1024;  // rusage's is that of whoever started us, if larger
}

bool others_run(const std::filesystem::path& loadavg) {
  constexpr int kLooks = 5;
  int seen = 0;
  for (int i = 0; i < kLooks; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::ifstream in(loadavg);
    double minutes[3];
    int running = 0;  // or ready to; the caller is one of them
    const bool read = static_cast<bool>(in >> minutes[0] >> minutes[1] >> minutes[2] >> running);
    if (!read || running > 1) ++seen;
  }
  return seen > kLooks / 2;
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
  return std::max(1, std::min(static_cast<int>(cores.size()), cgroup_cores(kCgroup)));
}

}  // namespace shorten
