// SPDX-License-Identifier: Apache-2.0
// The operators on an NVIDIA device, on plain pointers and a stream. Declared without ATen: nvcc takes
// half a minute for its headers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace shorten::kernels::cuda {

enum class DType { kF32, kBF16, kF16 };

// Shapes as in kernels/cpu/rows.h. All launch on `stream` and return the launch's error.
cudaError_t rms_norm(DType dtype, const void* x, const void* weight, void* out, int64_t rows, int64_t n, float eps,
                     cudaStream_t stream);
cudaError_t rope(DType dtype, const void* x, void* out, const float* cos, const float* sin, float turn, int64_t rows,
                 int64_t length, int64_t heads, int64_t rotated, int64_t half, cudaStream_t stream);
cudaError_t swiglu(DType dtype, const void* x, void* out, int64_t rows, int64_t n, cudaStream_t stream);
// projected [sequences, length, heads + 2 kv, head_size] → keys, values [sequences, kv, capacity, head_size].
cudaError_t cache_rows(DType dtype, const void* projected, void* keys, void* values, int64_t sequences, int64_t length,
                       int64_t heads, int64_t kv, int64_t head_size, int64_t capacity, cudaStream_t stream);
cudaError_t log_sum_exp(DType dtype, const void* logits, float* out, int64_t rows, int64_t n, cudaStream_t stream);

}  // namespace shorten::kernels::cuda
