// SPDX-License-Identifier: Apache-2.0
// The operators on CUDA: tensors in, kernels on ATen's current stream.
#include <torch/library.h>

#include "kernels/cuda/tensors.h"

namespace shorten::kernels::cuda {
namespace {

Tensor rms_norm(const Tensor& input, const Tensor& weight, double eps) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor x = aligned(input), w = aligned(weight);
  Tensor y = at::empty_like(x);
  const int64_t n = x.size(-1);
  if (x.numel() > 0)
    C10_CUDA_CHECK(rms_norm(dtype_of(x), x.const_data_ptr(), w.const_data_ptr(), y.mutable_data_ptr(), x.numel() / n, n,
                            static_cast<float>(eps), stream_of(x)));
  return y;
}

Tensor& run_rope(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t rotated, bool back, Tensor& y) {
  const c10::cuda::CUDAGuard guard(x.device());
  SHORTEN_CHECK(x.dim() == 4 && is_aligned(x) && is_aligned(y), "rope works on contiguous [N, T, heads, hd]");
  const Tensor c = aligned(cos), s = aligned(sin);
  if (x.numel() > 0) {
    C10_CUDA_CHECK(rope(dtype_of(x), x.const_data_ptr(), y.mutable_data_ptr(), c.const_data_ptr<float>(),
                        s.const_data_ptr<float>(), back ? -1.0f : 1.0f, x.size(0) * x.size(1), x.size(1), x.size(2),
                        rotated, x.size(3) / 2, stream_of(x)));
  }
  return y;
}

Tensor swiglu(const Tensor& input) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor x = aligned(input);
  const int64_t n = x.size(-1) / 2;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = n;
  Tensor y = at::empty(shape, x.options());
  if (y.numel() > 0)
    C10_CUDA_CHECK(swiglu(dtype_of(x), x.const_data_ptr(), y.mutable_data_ptr(), y.numel() / n, n, stream_of(x)));
  return y;
}

Tensor log_sum_exp(const Tensor& input) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor logits = aligned(input);
  Tensor y = at::empty({logits.size(0)}, logits.options().dtype(at::kFloat));
  if (y.numel() > 0) {
    C10_CUDA_CHECK(log_sum_exp(dtype_of(logits), logits.const_data_ptr(), y.mutable_data_ptr<float>(), logits.size(0),
                               logits.size(1), stream_of(logits)));
  }
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CUDA, m) {
  m.impl("rms_norm", static_cast<Tensor (*)(const Tensor&, const Tensor&, double)>(rms_norm));
  m.impl("rope", run_rope);
  m.impl("swiglu", static_cast<Tensor (*)(const Tensor&)>(swiglu));
  m.impl("log_sum_exp", static_cast<Tensor (*)(const Tensor&)>(log_sum_exp));
}

}  // namespace shorten::kernels::cuda
