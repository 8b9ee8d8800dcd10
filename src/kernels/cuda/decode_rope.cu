// SPDX-License-Identifier: Apache-2.0
// Takes the projections of one token a row apart: q and k normalised a head where the model does that, rotated, and
// k and v put into the cache. One warp a head; a few hundred KB in all, so only latency counts.
#include <algorithm>

#include "kernels/cuda/decode.h"
#include "kernels/cuda/decode_device.cuh"

namespace shorten::kernels::cuda {
namespace {

constexpr int kWarps = 4, kPairs = 4;  // pairs a thread: heads up to 256
constexpr int kMostBlocks = 128;       // at most one a multiprocessor on large devices: products are there as well

template <typename T>
__global__ void __launch_bounds__(32 * kWarps) rope_append_kernel(const RopeAppend a) {
  let_later_kernels_start();
  const int all_heads = static_cast<int>(a.heads + 2 * a.kv_heads), items = static_cast<int>(a.rows) * all_heads;
  const int lane = threadIdx.x % 32, half = static_cast<int>(a.head_size / 2);
  for (int item = blockIdx.x * kWarps + threadIdx.x / 32; item < items; item += gridDim.x * kWarps) {
    const int64_t row = item / all_heads, head = item % all_heads, position = a.position[row];
    const bool is_q = head < a.heads, is_v = head >= a.heads + a.kv_heads;
    float cos[kPairs], sin[kPairs];
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + 32 * j;
      cos[j] = i < half ? a.cos[position * half + i] : 0.0f;
      sin[j] = i < half ? a.sin[position * half + i] : 0.0f;
    }
    wait_for_earlier_kernels();  // only the first time round

    const T* from = static_cast<const T*>(a.qkv) + item * a.head_size;
    float u[kPairs], v[kPairs], sum = 0;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + 32 * j;
      u[j] = i < half ? to_float(from[i]) : 0.0f;
      v[j] = i < half ? to_float(from[half + i]) : 0.0f;
      sum += u[j] * u[j] + v[j] * v[j];
    }
    const T* norm = is_v ? nullptr : static_cast<const T*>(is_q ? a.q_norm : a.k_norm);
    if (norm != nullptr) {
      for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
      const float scale = rsqrtf(sum / static_cast<float>(a.head_size) + a.eps);
#pragma unroll
      for (int j = 0; j < kPairs; ++j) {
        const int i = lane + 32 * j;
        u[j] *= i < half ? scale * to_float(norm[i]) : 0.0f;
        v[j] *= i < half ? scale * to_float(norm[half + i]) : 0.0f;
      }
    }
    const int64_t kv_head = head - a.heads - (is_v ? a.kv_heads : 0);
    T* to = is_q ? static_cast<T*>(a.q) + (row * a.heads + head) * a.head_size
                 : static_cast<T*>(is_v ? a.values : a.keys) +
                       ((row * a.kv_heads + kv_head) * a.capacity + position) * a.head_size;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + 32 * j;
      if (i >= half) continue;
      to[i] = from_float<T>(is_v ? u[j] : u[j] * cos[j] - v[j] * sin[j]);
      to[half + i] = from_float<T>(is_v ? v[j] : v[j] * cos[j] + u[j] * sin[j]);
    }
  }
}

template <typename T>
cudaError_t launch(const RopeAppend& a, cudaStream_t stream) {
  const int64_t items = a.rows * (a.heads + 2 * a.kv_heads), blocks = (items + kWarps - 1) / kWarps;
  return launch_early(rope_append_kernel<T>, dim3(static_cast<unsigned>(std::min<int64_t>(blocks, kMostBlocks))),
                      32 * kWarps, 0, a, stream);
}

}  // namespace

cudaError_t rope_append(DType dtype, const RopeAppend& a, cudaStream_t stream) {
  switch (dtype) {
    case DType::kF32:
      return launch<float>(a, stream);
    case DType::kBF16:
      return launch<__nv_bfloat16>(a, stream);
    case DType::kF16:
      return launch<__half>(a, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace shorten::kernels::cuda
