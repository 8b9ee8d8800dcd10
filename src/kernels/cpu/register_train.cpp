// SPDX-License-Identifier: Apache-2.0
// The operators of the backward pass on a CPU.
#include <torch/library.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"
#include "kernels/dropout.h"

namespace shorten::kernels::cpu {
namespace {

int64_t grain_of(int64_t row_elements) { return std::max<int64_t>(1, kGrainElements / row_elements); }

// From row `row` on, or null.
template <typename T>
T* rows_of(const Tensor& y, int64_t row) {
  return y.defined() ? out<T>(y) + row * y.size(-1) : nullptr;
}
template <typename T>
const T* rows_of(const std::optional<Tensor>& x, int64_t row) {
  return x ? in<T>(*x) + row * x->size(-1) : nullptr;
}

std::tuple<Tensor, Tensor> rms_norm_backward(const Tensor& gradient, const Tensor& input, const Tensor& weight,
                                             double eps, const std::optional<Tensor>& other, bool wants_y) {
  const Tensor dy = gradient.contiguous(), x = input.contiguous();
  const std::optional<Tensor> added = other ? std::optional(other->contiguous()) : std::nullopt;
  Tensor dx = at::empty_like(x), y = wants_y ? at::empty_like(x) : Tensor();
  const int64_t n = x.size(-1);
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    at::parallel_for(0, x.numel() / n, grain_of(n), [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).rms_norm_backward_rows(in<T>(dy) + begin * n, in<T>(x) + begin * n, in<T>(weight),
                                                    rows_of<T>(added, begin), out<T>(dx) + begin * n,
                                                    rows_of<T>(y, begin), end - begin, n, static_cast<float>(eps));
    });
  });
  return {dx, y};
}

std::tuple<Tensor, Tensor> swiglu_backward(const Tensor& gradient, const Tensor& input, bool wants_y) {
  const Tensor dy = gradient.contiguous(), x = input.contiguous();
  Tensor dx = at::empty_like(x), y = wants_y ? at::empty_like(dy) : Tensor();
  const int64_t n = dy.size(-1);
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    at::parallel_for(0, dy.numel() / n, grain_of(2 * n), [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).swiglu_backward_rows(in<T>(dy) + begin * n, in<T>(x) + begin * 2 * n,
                                                  out<T>(dx) + begin * 2 * n, rows_of<T>(y, begin), end - begin, n);
    });
  });
  return {dx, y};
}

Tensor dropout(const Tensor& input, double p, int64_t seed, const Tensor& places) {
  const Tensor x = input.contiguous(), at = places.contiguous();
  Tensor y = at::empty_like(x);
  const Die die = make_die(p);
  const int64_t n = x.size(-1);
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    at::parallel_for(0, x.numel() / n, grain_of(n), [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).dropout_rows(in<T>(x) + begin * n, at.const_data_ptr<int64_t>() + begin,
                                          out<T>(y) + begin * n, end - begin, n, die.threshold, die.scale,
                                          static_cast<uint64_t>(seed));
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CPU, m) {
  m.impl("rms_norm_backward", rms_norm_backward);
  m.impl("swiglu_backward", swiglu_backward);
  m.impl("dropout", dropout);
}

}  // namespace shorten::kernels::cpu
