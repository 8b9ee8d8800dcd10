// SPDX-License-Identifier: Apache-2.0
// The operators of the backward pass on an NVIDIA device, on plain pointers and a stream.
#pragma once

#include "kernels/cuda/rows.h"

namespace shorten::kernels::cuda {

// Shapes as in kernels/cpu/row_kernels.h. All launch on `stream` and return the launch's error.
cudaError_t rms_norm_backward(DType dtype, const void* dy, const void* x, const void* weight, const void* added,
                              void* dx, void* y, int64_t rows, int64_t n, float eps, cudaStream_t stream);
cudaError_t swiglu_backward(DType dtype, const void* dy, const void* x, void* dx, void* y, int64_t rows, int64_t n,
                            cudaStream_t stream);
cudaError_t dropout(DType dtype, const void* x, const int64_t* places, void* out, int64_t rows, int64_t n,
                    uint32_t threshold, float scale, uint64_t seed, cudaStream_t stream);

}  // namespace shorten::kernels::cuda
