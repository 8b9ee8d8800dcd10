// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace shorten::tasks {

// Calls work(0) … work(count - 1), each once, on as many threads as there are cores to use. What is computed
// must not depend on the order. If some throw, the error of the lowest index comes out, whatever the number
// of threads; indices behind it may be left out.
void for_each_index(size_t count, const std::function<void(size_t)>& work, int threads = 0);

}  // namespace shorten::tasks
