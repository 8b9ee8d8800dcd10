// SPDX-License-Identifier: Apache-2.0
#include "tasks/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/system.h"

namespace shorten::tasks {

void for_each_index(size_t count, const std::function<void(size_t)>& work, int threads) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::exception_ptr error;
  size_t error_index = count;

  // Indices are handed out in ascending order, so all below a failed one have been started and will end.
  const auto take = [&] {
    while (!failed) {
      const size_t i = next++;
      if (i >= count) return;
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < error_index) {
          error = std::current_exception();
          error_index = i;
        }
        failed = true;
      }
    }
  };
  {
    const auto wanted = static_cast<size_t>(threads > 0 ? threads : usable_cores());
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < std::min(wanted, count)) others.emplace_back(take);
    } catch (const std::system_error&) {
      // No more threads to be had: those there are, and this one, do it.
    }
    take();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace shorten::tasks
