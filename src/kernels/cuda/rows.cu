// SPDX-License-Identifier: Apache-2.0
// Element-wise steps and row reductions, each one pass over memory: 16 bytes a thread and load where
// the rows allow it, fp32 inside.
#include "kernels/cuda/rows_device.cuh"

namespace shorten::kernels::cuda {
namespace {

// One block a row.
template <typename T, int N>
__global__ void rms_norm_kernel(const T* x, const T* weight, T* out, int64_t n, float eps) {
  using P = Pack<T, N>;
  const P* row = reinterpret_cast<const P*>(x + blockIdx.x * n);
  const P* w = reinterpret_cast<const P*>(weight);
  P* to = reinterpret_cast<P*>(out + blockIdx.x * n);
  float sum = 0;
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {
    const P p = row[i];
    for (int k = 0; k < N; ++k) sum += load(p.at[k]) * load(p.at[k]);
  }
  const float scale = rsqrtf(reduce_block(sum, 0.0f, Sum()) / static_cast<float>(n) + eps);
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {  // the row is in the cache now
    const P p = row[i], g = w[i];
    P y;
    for (int k = 0; k < N; ++k) store(y.at[k], load(p.at[k]) * scale * load(g.at[k]));
    to[i] = y;
  }
}

// One block a row; threads share out heads × packs of pairs. In place the heads that stay are not touched.
template <typename T, int N>
__global__ void rope_kernel(const T* x, T* out, const float* cos, const float* sin, float turn, int64_t length, int64_t heads, int64_t rotated,
                            int64_t half) {
  using P = Pack<T, N>;
  using F = Pack<float, N>;
  const int64_t row = blockIdx.x * heads * 2 * half, angles = blockIdx.x % length * half;
  const unsigned packs = static_cast<unsigned>(half / N), work = static_cast<unsigned>(x == out ? rotated : heads) * packs;
  for (unsigned i = threadIdx.x; i < work; i += blockDim.x) {
    const unsigned head = i / packs, first = i % packs * N;
    const int64_t at = row + head * 2 * half + first;
    P u = *reinterpret_cast<const P*>(x + at), v = *reinterpret_cast<const P*>(x + at + half);
    if (head < rotated) {
      const F c = *reinterpret_cast<const F*>(cos + angles + first), s = *reinterpret_cast<const F*>(sin + angles + first);
      for (int k = 0; k < N; ++k) {
        const float a = load(u.at[k]), b = load(v.at[k]), sine = turn * s.at[k];
        store(u.at[k], a * c.at[k] - b * sine);
        store(v.at[k], b * c.at[k] + a * sine);
      }
    }
    *reinterpret_cast<P*>(out + at) = u;
    *reinterpret_cast<P*>(out + at + half) = v;
  }
}

// One block a token.
template <typename T, int N>
__global__ void cache_rows_kernel(const T* projected, T* keys, T* values, int64_t length, int64_t heads, int64_t kv, int64_t head_size,
                                  int64_t capacity) {
  using P = Pack<T, N>;
  const int64_t sequence = blockIdx.x / length, token = blockIdx.x % length;
  const P* from = reinterpret_cast<const P*>(projected + (blockIdx.x * (heads + 2 * kv) + heads) * head_size);
  const unsigned packs = static_cast<unsigned>(head_size / N), work = static_cast<unsigned>(2 * kv) * packs;
  for (unsigned i = threadIdx.x; i < work; i += blockDim.x) {
    const int64_t head = i / packs;
    T* const cache = head < kv ? keys : values;
    const int64_t row = (sequence * kv + head % kv) * capacity + token;
    reinterpret_cast<P*>(cache + row * head_size)[i % packs] = from[i];
  }
}

template <typename T, int N>
__global__ void swiglu_kernel(const T* x, T* out, int64_t rows, int64_t n) {
  using P = Pack<T, N>;
  const int64_t packs = n / N;
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; i < rows * packs; i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    const P* row = reinterpret_cast<const P*>(x) + i / packs * 2 * packs;
    const P gate = row[i % packs], up = row[packs + i % packs];
    P y;
    for (int k = 0; k < N; ++k) {
      const float g = load(gate.at[k]);
      store(y.at[k], g / (1.0f + __expf(-g)) * load(up.at[k]));
    }
    reinterpret_cast<P*>(out)[i] = y;
  }
}

// One block a row: each thread keeps a running maximum and the sum of exponentials relative to it, so
// that the row is read once.
template <typename T, int N>
__global__ void log_sum_exp_kernel(const T* logits, float* out, int64_t n) {
  using P = Pack<T, N>;
  const T* row = logits + blockIdx.x * n;
  float largest = -INFINITY, sum = 0;
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {
    const P p = reinterpret_cast<const P*>(row)[i];
    float top = largest;
    for (int k = 0; k < N; ++k) top = Max()(top, load(p.at[k]));
    sum *= top > largest ? __expf(largest - top) : 1.0f;
    for (int k = 0; k < N; ++k) sum += __expf(load(p.at[k]) - top);
    largest = top;
  }
  const float top = reduce_block(largest, -INFINITY, Max());
  const float total = reduce_block(largest == -INFINITY ? 0.0f : sum * __expf(largest - top), 0.0f, Sum());
  if (threadIdx.x == 0) out[blockIdx.x] = logf(total) + top;
}

}  // namespace

cudaError_t rms_norm(DType dtype, const void* x, const void* weight, void* out, int64_t rows, int64_t n, float eps, cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    rms_norm_kernel<T, N><<<rows, threads_for(n / N), 0, stream>>>(static_cast<const T*>(x), static_cast<const T*>(weight), static_cast<T*>(out), n, eps);
  });
}

cudaError_t rope(DType dtype, const void* x, void* out, const float* cos, const float* sin, float turn, int64_t rows, int64_t length,
                 int64_t heads, int64_t rotated, int64_t half, cudaStream_t stream) {
  return by_dtype(dtype, half, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    rope_kernel<T, N><<<rows, threads_for(heads * half / N), 0, stream>>>(static_cast<const T*>(x), static_cast<T*>(out), cos, sin, turn, length,
                                                                         heads, rotated, half);
  });
}

cudaError_t cache_rows(DType dtype, const void* projected, void* keys, void* values, int64_t sequences, int64_t length, int64_t heads,
                       int64_t kv, int64_t head_size, int64_t capacity, cudaStream_t stream) {
  return by_dtype(dtype, head_size, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    cache_rows_kernel<T, N><<<sequences * length, threads_for(2 * kv * head_size / N), 0, stream>>>(
        static_cast<const T*>(projected), static_cast<T*>(keys), static_cast<T*>(values), length, heads, kv, head_size, capacity);
  });
}

cudaError_t swiglu(DType dtype, const void* x, void* out, int64_t rows, int64_t n, cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    constexpr int64_t kThreads = 256, kMostBlocks = 132 * 32;
    const int64_t blocks = (rows * n / N + kThreads - 1) / kThreads;
    swiglu_kernel<T, N><<<blocks < kMostBlocks ? blocks : kMostBlocks, kThreads, 0, stream>>>(static_cast<const T*>(x), static_cast<T*>(out), rows, n);
  });
}

cudaError_t log_sum_exp(DType dtype, const void* logits, float* out, int64_t rows, int64_t n, cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    log_sum_exp_kernel<T, N><<<rows, threads_for(n / N), 0, stream>>>(static_cast<const T*>(logits), out, n);
  });
}

}  // namespace shorten::kernels::cuda
