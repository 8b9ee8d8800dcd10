// SPDX-License-Identifier: Apache-2.0
// What kernels over rows share: wide loads, fp32 inside, a reduction over a block, and the choice of type and width.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <type_traits>

#include "kernels/cuda/rows.h"

namespace shorten::kernels::cuda {

__device__ inline float load(float x) { return x; }
__device__ inline float load(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float load(__half x) { return __half2float(x); }
__device__ inline void store(float& to, float x) { to = x; }
__device__ inline void store(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }
__device__ inline void store(__half& to, float x) { to = __float2half_rn(x); }

// N neighbouring elements, read and written at once.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};

template <typename Combine>
__device__ float reduce_block(float value, float neutral, const Combine& combine) {
  __shared__ float partial[32];
  __syncthreads();  // the last reduction's readers are done
  for (int offset = 16; offset > 0; offset /= 2) value = combine(value, __shfl_xor_sync(~0u, value, offset));
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  value = threadIdx.x % 32 < blockDim.x / 32 ? partial[threadIdx.x % 32] : neutral;
  for (int offset = 16; offset > 0; offset /= 2) value = combine(value, __shfl_xor_sync(~0u, value, offset));
  return value;
}

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Max {  // NaN wins, so that it is not hidden
  __device__ float operator()(float a, float b) const { return a != a ? a : b != b ? b : fmaxf(a, b); }
};

// Calls launch<T, N> with the widest pack that divides `n`.
template <typename T, typename Launch>
void by_width(int64_t n, const Launch& launch) {
  constexpr int kWidest = 16 / sizeof(T);
  if (n % kWidest == 0) return launch(T{}, std::integral_constant<int, kWidest>());
  launch(T{}, std::integral_constant<int, 1>());
}

template <typename Launch>
cudaError_t by_dtype(DType dtype, int64_t n, const Launch& launch) {
  switch (dtype) {
    case DType::kF32:
      by_width<float>(n, launch);
      break;
    case DType::kBF16:
      by_width<__nv_bfloat16>(n, launch);
      break;
    case DType::kF16:
      by_width<__half>(n, launch);
      break;
  }
  return cudaGetLastError();
}

inline unsigned threads_for(int64_t work) { return work >= 1024 ? 512 : work >= 256 ? 256 : 64; }

}  // namespace shorten::kernels::cuda
