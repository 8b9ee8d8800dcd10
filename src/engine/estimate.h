// SPDX-License-Identifier: Apache-2.0
// What a long step will take, said before it begins.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/torch.h"

namespace shorten::engine {

struct StepCost {
  std::string what;  // "scoring"
  double flops = 0;
  uint64_t weight_bytes = 0, state_bytes = 0;
};

// Logs memory and time; the rate comes from a short matrix product on the device. Throws no_space if
// the weights do not fit into `free` bytes: better now than after minutes of loading.
void announce(const StepCost& cost, const at::Device& device, at::ScalarType dtype, uint64_t free);

}  // namespace shorten::engine
