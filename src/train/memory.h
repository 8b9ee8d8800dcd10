// SPDX-License-Identifier: Apache-2.0
// How many rows go through the model at once, and whether blocks are computed again: from a count of bytes, so that a
// run decides the same each time.
#pragma once

#include <cstdint>

#include "family/spec.h"
#include "recipe/settings.h"

namespace shorten::train {

struct MemoryInputs {
  const family::ModelSpec& student;
  uint64_t element = 4;  // bytes a number of the computation
  uint64_t frozen = 0;   // bytes of weights that are not trained, of student and teacher together
  uint64_t trained = 0;  // numbers that are trained
  bool hidden_matching = false;
  bool teacher = false;
  int64_t rows = 0;  // most rows of a step
  bool on_cpu = true;
};

struct MemoryPlan {
  int64_t micro_batch = 0;
  bool recompute = false;
  uint64_t bytes = 0;  // at the widest, roughly
};

// Throws no_space, saying how much one row would need, if it does not fit into `available` bytes.
MemoryPlan plan_memory(const MemoryInputs& inputs, const recipe::Settings& settings, uint64_t available);

}  // namespace shorten::train
