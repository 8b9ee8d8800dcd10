// SPDX-License-Identifier: Apache-2.0
// libshorten_cuda.so: brings LibTorch's CUDA libraries and our kernels into the process that opens it,
// and answers what only CUDA's own runtime knows.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include "kernels/accelerator.h"
#include "shorten_build_id.h"

namespace {

int device_count() { return static_cast<int>(c10::cuda::device_count()); }

void synchronize(int device) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  c10::cuda::device_synchronize();
}

uint64_t free_memory(int device) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  // What LibTorch holds for later counts as free.
  if (c10::cuda::CUDACachingAllocator::get()->initialized()) c10::cuda::CUDACachingAllocator::emptyCache();
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return free;
}

uint64_t peak_memory(int device) {
  if (!c10::cuda::CUDACachingAllocator::get()->initialized()) return 0;  // nothing was allocated
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
  return static_cast<uint64_t>(stats.allocated_bytes[0].peak);
}

void reset_peak_memory(int device) {
  if (c10::cuda::CUDACachingAllocator::get()->initialized())
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
}

class CudaGraph : public shorten::kernels::Graph {
 public:
  CudaGraph(c10::DeviceIndex device, const std::function<void()>& work) {
    // ATen captures on a stream of its own; what lazy initialisation there is must be over before.
    const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    c10::cuda::device_synchronize();
    {
      const c10::cuda::CUDAStreamGuard guard(stream);
      for (int i = 0; i < 2; ++i) work();
      stream.synchronize();
      graph_.capture_begin();
      try {
        work();
      } catch (...) {
        give_up(device);
        throw;
      }
      graph_.capture_end();
    }
    c10::cuda::device_synchronize();
  }
  void replay() override { graph_.replay(); }

 private:
  // Ends the recording, or nothing could be done on this stream, nor memory be allocated elsewhere, any more.
  void give_up(c10::DeviceIndex device) {
    try {
      graph_.capture_end();
    } catch (const c10::Error&) {
      try {  // it was broken off by what failed; then LibTorch may still have to be told
        c10::cuda::CUDACachingAllocator::endAllocateToPool(device, graph_.pool());
      } catch (const c10::Error&) {  // it knows; what failed before is what counts
      }
    }
  }

  at::cuda::CUDAGraph graph_;
};

std::unique_ptr<shorten::kernels::Graph> capture(int device, const std::function<void()>& work) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  return std::make_unique<CudaGraph>(static_cast<c10::DeviceIndex>(device), work);
}

}  // namespace

extern "C" const shorten::kernels::Accelerator* shorten_cuda() {
  static constexpr shorten::kernels::Accelerator kCuda = {SHORTEN_BUILD_ID, device_count,      synchronize, free_memory,
                                                          peak_memory,      reset_peak_memory, capture};
  return &kCuda;
}
