// SPDX-License-Identifier: Apache-2.0
// What the kernels of a decoding step share: elements, and starting before the kernel ahead has ended.
//
// A step is some 200 kernels of 2 to 50 µs in a chain; launching each after the last has drained would leave the
// memory idle for a few µs each time. From compute capability 9.0 on, a kernel can be launched when all blocks of
// the one ahead have called let_later_kernels_start(): ours call it first thing. What it may then do is load what
// no kernel of ours writes (weights); before it touches anything else, or ends, it must call
// wait_for_earlier_kernels(), which returns when the kernel ahead, and so by induction all before it, have ended
// and their writes are visible.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kernels/cuda/rows.h"

namespace shorten::kernels::cuda {

__device__ inline void let_later_kernels_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

__device__ inline void wait_for_earlier_kernels() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float to_float(__half x) { return __half2float(x); }

template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float(float x) { return x; }
template <>
__device__ inline __nv_bfloat16 from_float(float x) { return __float2bfloat16_rn(x); }
template <>
__device__ inline __half from_float(float x) { return __float2half_rn(x); }

// Eight neighbouring elements at a multiple of 16 bytes.
template <typename T>
struct alignas(16) Eight {
  T at[8];
};

// Loads them, or zeros. Loads stay where they are in the program: the compiler would move them to their first uses,
// behind waits for earlier ones.
template <typename T>
__device__ Eight<T> load_now(const T* from, bool valid) {
  Eight<T> x;
  uint4* to = reinterpret_cast<uint4*>(&x);
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(x) / sizeof(uint4)); ++i) {
    to[i] = {};
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %5, 0; @p ld.global.v4.u32 {%0, %1, %2, %3}, [%4]; }"
                 : "+r"(to[i].x), "+r"(to[i].y), "+r"(to[i].z), "+r"(to[i].w)
                 : "l"(reinterpret_cast<const uint4*>(from) + i), "r"(static_cast<int>(valid)));
  }
  return x;
}

// Value is what the kernel takes.
template <typename Value>
cudaError_t launch_early(void (*kernel)(const Value), dim3 grid, unsigned threads, size_t shared, const Value& value,
                         cudaStream_t stream) {
  int device = 0, major = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
  // Kernels that want different splits of L1 and shared memory do not run side by side on a multiprocessor.
  constexpr auto kSplit = cudaFuncAttributePreferredSharedMemoryCarveout;
  if (error == cudaSuccess) error = cudaFuncSetAttribute(kernel, kSplit, cudaSharedmemCarveoutMaxShared);
  if (error != cudaSuccess) return error;
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = major >= 9 ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, value);
}

}  // namespace shorten::kernels::cuda
