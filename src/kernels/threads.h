// SPDX-License-Identifier: Apache-2.0
// Threads that compute beside one another instead of together.
#pragma once

namespace shorten::kernels {

// From now on LibTorch's operators on this thread use this thread only. Nothing changes for other threads.
void compute_alone();

}  // namespace shorten::kernels
