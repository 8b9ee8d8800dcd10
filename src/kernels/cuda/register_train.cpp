// SPDX-License-Identifier: Apache-2.0
// The operators of the backward pass on CUDA: tensors in, kernels on ATen's current stream.
#include <torch/library.h>

#include "kernels/cuda/tensors.h"
#include "kernels/cuda/train.h"
#include "kernels/dropout.h"

namespace shorten::kernels::cuda {
namespace {

// Or null.
const void* from(const Tensor& x) { return x.defined() ? x.const_data_ptr() : nullptr; }
void* to(const Tensor& y) { return y.defined() ? y.mutable_data_ptr() : nullptr; }

std::tuple<Tensor, Tensor> run_rms_norm_backward(const Tensor& gradient, const Tensor& input, const Tensor& weight,
                                                 double eps, const std::optional<Tensor>& other, bool wants_y) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor dy = aligned(gradient), x = aligned(input), w = aligned(weight);
  const Tensor added = other ? aligned(*other) : Tensor();
  Tensor dx = at::empty_like(x), y = wants_y ? at::empty_like(x) : Tensor();
  const int64_t n = x.size(-1);
  if (x.numel() > 0) {
    C10_CUDA_CHECK(rms_norm_backward(dtype_of(x), dy.const_data_ptr(), x.const_data_ptr(), w.const_data_ptr(),
                                     from(added), dx.mutable_data_ptr(), to(y), x.numel() / n, n,
                                     static_cast<float>(eps), stream_of(x)));
  }
  return {dx, y};
}

std::tuple<Tensor, Tensor> run_swiglu_backward(const Tensor& gradient, const Tensor& input, bool wants_y) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor dy = aligned(gradient), x = aligned(input);
  Tensor dx = at::empty_like(x), y = wants_y ? at::empty_like(dy) : Tensor();
  const int64_t n = dy.size(-1);
  if (dy.numel() > 0) {
    C10_CUDA_CHECK(swiglu_backward(dtype_of(x), dy.const_data_ptr(), x.const_data_ptr(), dx.mutable_data_ptr(), to(y),
                                   dy.numel() / n, n, stream_of(x)));
  }
  return {dx, y};
}

Tensor run_dropout(const Tensor& input, double p, int64_t seed, const Tensor& places) {
  const c10::cuda::CUDAGuard guard(input.device());
  const Tensor x = aligned(input), at = places.contiguous();
  Tensor y = at::empty_like(x);
  const Die die = make_die(p);
  const int64_t n = x.size(-1);
  if (x.numel() > 0) {
    C10_CUDA_CHECK(dropout(dtype_of(x), x.const_data_ptr(), at.const_data_ptr<int64_t>(), y.mutable_data_ptr(),
                           x.numel() / n, n, die.threshold, die.scale, static_cast<uint64_t>(seed), stream_of(x)));
  }
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CUDA, m) {
  m.impl("rms_norm_backward", run_rms_norm_backward);
  m.impl("swiglu_backward", run_swiglu_backward);
  m.impl("dropout", run_dropout);
}

}  // namespace shorten::kernels::cuda
