// SPDX-License-Identifier: Apache-2.0
// The few things that LibTorch's CPU libraries cannot say about an accelerator. The plug-in fills the
// table (`extern "C" const Accelerator* shorten_cuda()`); without it there is only a CPU.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "kernels/torch.h"

namespace shorten::kernels {

// Work that was recorded once and can be done again, as it is, on the same tensors.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void replay() = 0;  // queues it on the current stream
};

struct Accelerator {
  const char* build_id;  // core/build_id.h; first, so that it is where any build looks for it
  int (*device_count)();
  void (*synchronize)(int device);
  uint64_t (*free_memory)(int device);
  uint64_t (*peak_memory)(int device);  // of LibTorch's allocator
  void (*reset_peak_memory)(int device);
  std::unique_ptr<Graph> (*capture)(int device, const std::function<void()>& work);
};

void set_accelerator(const Accelerator& accelerator);  // once, when the plug-in is opened
int accelerator_count();

void synchronize(const at::Device& device);             // waits for queued work; nothing on a CPU
uint64_t free_memory(const at::Device& device);         // bytes
uint64_t peak_device_memory(const at::Device& device);  // bytes; 0 on a CPU
void reset_peak_device_memory(const at::Device& device);

// Does `work` a few times, so that all it needs is there, and records it. `work` must only queue work on the device
// and must not look at results. REQUIRES an accelerator.
std::unique_ptr<Graph> capture(const at::Device& device, const std::function<void()>& work);

}  // namespace shorten::kernels
