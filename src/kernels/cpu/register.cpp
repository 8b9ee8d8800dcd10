// SPDX-License-Identifier: Apache-2.0
// The operators on a CPU: tensors in, row kernels over all threads.
#include <torch/library.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/tensors.h"

namespace shorten::kernels::cpu {
namespace {

template <typename Rows>
void parallel_rows(int64_t rows, int64_t row_elements, const Rows& run) {
  at::parallel_for(0, rows, std::max<int64_t>(1, kGrainElements / row_elements), run);
}

Tensor rms_norm(const Tensor& input, const Tensor& weight, double eps) {
  const Tensor x = input.contiguous();
  Tensor y = at::empty_like(x);
  const int64_t n = x.size(-1);
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    parallel_rows(x.numel() / n, n, [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).rms_norm_rows(in<T>(x) + begin * n, in<T>(weight), out<T>(y) + begin * n, end - begin, n,
                                           static_cast<float>(eps));
    });
  });
  return y;
}

Tensor& rope(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t rotated, bool back, Tensor& y) {
  SHORTEN_CHECK(x.is_contiguous() && y.is_contiguous() && x.dim() == 4, "rope works on contiguous [N, T, heads, hd]");
  const int64_t heads = x.size(2), hd = x.size(3);
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    parallel_rows(x.size(0) * x.size(1), heads * hd, [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).rope_rows(in<T>(x) + begin * heads * hd, out<T>(y) + begin * heads * hd, in<float>(cos),
                                       in<float>(sin), back ? -1.0f : 1.0f, begin, end - begin, x.size(1), heads,
                                       rotated, hd / 2);
    });
  });
  return y;
}

Tensor swiglu(const Tensor& input) {
  const Tensor x = input.contiguous();
  const int64_t n = x.size(-1) / 2;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = n;
  Tensor y = at::empty(shape, x.options());
  by_dtype(x, [&](auto tag) {
    using T = decltype(tag);
    parallel_rows(y.numel() / n, 2 * n, [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).swiglu_rows(in<T>(x) + begin * 2 * n, out<T>(y) + begin * n, end - begin, n);
    });
  });
  return y;
}

Tensor log_sum_exp(const Tensor& input) {
  const Tensor logits = input.contiguous();
  const int64_t rows = logits.size(0), n = logits.size(1);
  Tensor y = at::empty({rows}, logits.options().dtype(at::kFloat));
  by_dtype(logits, [&](auto tag) {
    using T = decltype(tag);
    parallel_rows(rows, n, [&](int64_t begin, int64_t end) {
      kernel_table().of(T{}).log_sum_exp_rows(in<T>(logits) + begin * n, out<float>(y) + begin, end - begin, n);
    });
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_IMPL(shorten, CPU, m) {
  m.impl("rms_norm", rms_norm);
  m.impl("rope", rope);
  m.impl("swiglu", swiglu);
  m.impl("log_sum_exp", log_sum_exp);
}

}  // namespace shorten::kernels::cpu
