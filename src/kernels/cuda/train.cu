// SPDX-License-Identifier: Apache-2.0
// kernels/cpu/train_rows.h has the derivatives.
#include "kernels/cuda/rows_device.cuh"
#include "kernels/cuda/train.h"
#include "kernels/dropout_hash.h"

namespace shorten::kernels::cuda {
namespace {

// One block a row.
template <typename T, int N>
__global__ void rms_norm_backward_kernel(const T* dy, const T* x, const T* weight, const T* added, T* dx, T* y, int64_t n, float eps) {
  using P = Pack<T, N>;
  const P* d = reinterpret_cast<const P*>(dy + blockIdx.x * n);
  const P* row = reinterpret_cast<const P*>(x + blockIdx.x * n);
  const P* w = reinterpret_cast<const P*>(weight);
  P* to = reinterpret_cast<P*>(dx + blockIdx.x * n);
  float squares = 0, along = 0;
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {
    const P a = d[i], p = row[i], g = w[i];
    for (int k = 0; k < N; ++k) {
      squares += load(p.at[k]) * load(p.at[k]);
      along += load(a.at[k]) * load(g.at[k]) * load(p.at[k]);
    }
  }
  const float scale = rsqrtf(reduce_block(squares, 0.0f, Sum()) / static_cast<float>(n) + eps);
  const float back = reduce_block(along, 0.0f, Sum()) * scale * scale * scale / static_cast<float>(n);
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {  // the rows are in the cache now
    const P a = d[i], p = row[i], g = w[i];
    P out, more = {};
    if (added != nullptr) more = reinterpret_cast<const P*>(added + blockIdx.x * n)[i];
    for (int k = 0; k < N; ++k) store(out.at[k], load(a.at[k]) * load(g.at[k]) * scale - load(p.at[k]) * back + load(more.at[k]));
    to[i] = out;
    if (y == nullptr) continue;
    for (int k = 0; k < N; ++k) store(out.at[k], load(p.at[k]) * scale * load(g.at[k]));
    reinterpret_cast<P*>(y + blockIdx.x * n)[i] = out;
  }
}

template <typename T, int N>
__global__ void swiglu_backward_kernel(const T* dy, const T* x, T* dx, T* y, int64_t rows, int64_t n) {
  using P = Pack<T, N>;
  const int64_t packs = n / N;
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; i < rows * packs;
       i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    const int64_t at = i / packs * 2 * packs + i % packs;
    const P* row = reinterpret_cast<const P*>(x);
    const P gate = row[at], up = row[at + packs], d = reinterpret_cast<const P*>(dy)[i];
    P dgate, dup, product;
    for (int k = 0; k < N; ++k) {
      const float g = load(gate.at[k]), sigmoid = 1.0f / (1.0f + __expf(-g));
      store(dgate.at[k], load(d.at[k]) * load(up.at[k]) * sigmoid * (1.0f + g * (1.0f - sigmoid)));
      store(dup.at[k], load(d.at[k]) * g * sigmoid);
      store(product.at[k], g * sigmoid * load(up.at[k]));
    }
    reinterpret_cast<P*>(dx)[at] = dgate;
    reinterpret_cast<P*>(dx)[at + packs] = dup;
    if (y != nullptr) reinterpret_cast<P*>(y)[i] = product;
  }
}

// One block a row.
template <typename T, int N>
__global__ void dropout_kernel(const T* x, const int64_t* places, T* out, int64_t n, uint32_t threshold, float scale,
                               uint64_t seed) {
  using P = Pack<T, N>;
  const P* row = reinterpret_cast<const P*>(x + blockIdx.x * n);
  P* to = reinterpret_cast<P*>(out + blockIdx.x * n);
  const uint64_t own = row_seed(seed, places[blockIdx.x]);
  for (int64_t i = threadIdx.x; i < n / N; i += blockDim.x) {
    P p = row[i];
    for (int k = 0; k < N; ++k) {
      const bool kept = roll(static_cast<uint32_t>(i * N + k), own) >= threshold;
      store(p.at[k], kept ? load(p.at[k]) * scale : 0.0f);
    }
    to[i] = p;
  }
}

constexpr int64_t kThreads = 256, kMostBlocks = 132 * 32;
unsigned blocks_for(int64_t work) {
  const int64_t blocks = (work + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
}

}  // namespace

cudaError_t rms_norm_backward(DType dtype, const void* dy, const void* x, const void* weight, const void* added, void* dx, void* y,
                              int64_t rows, int64_t n, float eps, cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    rms_norm_backward_kernel<T, N><<<rows, threads_for(n / N), 0, stream>>>(
        static_cast<const T*>(dy), static_cast<const T*>(x), static_cast<const T*>(weight), static_cast<const T*>(added),
        static_cast<T*>(dx), static_cast<T*>(y), n, eps);
  });
}

cudaError_t swiglu_backward(DType dtype, const void* dy, const void* x, void* dx, void* y, int64_t rows, int64_t n,
                            cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    swiglu_backward_kernel<T, N><<<blocks_for(rows * n / N), kThreads, 0, stream>>>(
        static_cast<const T*>(dy), static_cast<const T*>(x), static_cast<T*>(dx), static_cast<T*>(y), rows, n);
  });
}

cudaError_t dropout(DType dtype, const void* x, const int64_t* places, void* out, int64_t rows, int64_t n,
                    uint32_t threshold, float scale, uint64_t seed, cudaStream_t stream) {
  return by_dtype(dtype, n, [&](auto tag, auto width) {
    using T = decltype(tag);
    constexpr int N = decltype(width)::value;
    dropout_kernel<T, N><<<rows, threads_for(n / N), 0, stream>>>(static_cast<const T*>(x), places,
                                                                  static_cast<T*>(out), n, threshold, scale, seed);
  });
}

}  // namespace shorten::kernels::cuda
