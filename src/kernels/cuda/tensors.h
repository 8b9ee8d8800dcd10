// SPDX-License-Identifier: Apache-2.0
// From ATen's tensors to what kernels take.
#pragma once

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/check.h"
#include "kernels/cuda/rows.h"
#include "kernels/torch.h"

namespace shorten::kernels::cuda {

inline DType dtype_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return DType::kF32;
    case at::kBFloat16:
      return DType::kBF16;
    case at::kHalf:
      return DType::kF16;
    default:
      SHORTEN_CHECK(false, "a dtype without CUDA kernels");
  }
}

// Packs of 16 bytes need rows that begin at a multiple of 16.
inline bool is_aligned(const Tensor& x) {
  return x.is_contiguous() && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
}
inline Tensor aligned(const Tensor& x) {
  const Tensor whole = x.contiguous();
  return is_aligned(whole) ? whole : whole.clone();
}

inline cudaStream_t stream_of(const Tensor& x) { return c10::cuda::getCurrentCUDAStream(x.device().index()); }

}  // namespace shorten::kernels::cuda
