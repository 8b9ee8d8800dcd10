// SPDX-License-Identifier: Apache-2.0
// Results in fp64, and how far a kernel is from them.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/torch.h"

namespace shorten::kernels {

inline Tensor wide(const Tensor& x) { return x.to(at::kDouble); }

// Error of a kernel's result, relative to the largest value of the exact one, or to `least`. NaN is no small error.
inline double error(const Tensor& got, const Tensor& exact, double least = 1e-30) {
  const double size = std::max(exact.abs().max().item<double>(), least);
  const double e = (wide(got) - exact).abs().max().item<double>() / size;
  return std::isnan(e) ? INFINITY : e;
}

}  // namespace shorten::kernels
