// SPDX-License-Identifier: Apache-2.0
// The few things that LibTorch's CPU libraries cannot say about an accelerator. The plug-in fills the
// table (`extern "C" const Accelerator* shorten_cuda()`); without it there is only a CPU.
#pragma once

#include <cstdint>

#include "kernels/torch.h"

namespace shorten::kernels {

struct Accelerator {
  int (*device_count)();
  void (*synchronize)(int device);
  uint64_t (*free_memory)(int device);
  uint64_t (*peak_memory)(int device);  // of LibTorch's allocator
};

void set_accelerator(const Accelerator& accelerator);  // once, when the plug-in is opened
int accelerator_count();

void synchronize(const at::Device& device);             // waits for queued work; nothing on a CPU
uint64_t free_memory(const at::Device& device);         // bytes
uint64_t peak_device_memory(const at::Device& device);  // bytes; 0 on a CPU

}  // namespace shorten::kernels
