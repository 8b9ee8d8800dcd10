// SPDX-License-Identifier: Apache-2.0
// From tensors to the plain pointers of the kernels.
#pragma once

#include "core/check.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/dispatch.h"

namespace shorten::kernels::cpu {

constexpr int64_t kGrainElements = 16384;  // elements that are worth a thread of their own

// Calls run(float{}), run(Bf16{}) or run(Half{}).
template <typename Run>
void by_dtype(const Tensor& x, const Run& run) {
  if (x.scalar_type() == at::kFloat) return run(float{});
  if (x.scalar_type() == at::kBFloat16) return run(Bf16{});
  SHORTEN_CHECK(x.scalar_type() == at::kHalf, "a dtype without CPU kernels");
  run(Half{});
}

template <typename T>
const T* in(const Tensor& x) {
  return static_cast<const T*>(x.const_data_ptr());
}
template <typename T>
T* out(const Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

}  // namespace shorten::kernels::cpu
