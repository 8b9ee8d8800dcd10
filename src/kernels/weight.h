// SPDX-License-Identifier: Apache-2.0
// The matrix of a projection, and the products with it. A weight is dense today. Another kind (quantised: small
// integers with a scale for some at a time) is one more member of Weight, and one more branch in each of the products
// below. They are all there are: whoever holds a weight or multiplies by one need not know of which kind it is.
#pragma once

#include <utility>

#include "kernels/decode.h"
#include "kernels/torch.h"
#include "kernels/wide_product.h"

namespace shorten::kernels {

class Weight {
 public:
  Weight() = default;                                 // undefined
  Weight(Tensor dense) : dense_(std::move(dense)) {}  // [out, in]

  bool defined() const { return dense_.defined(); }
  int64_t rows() const { return dense_.size(0); }                // out
  int64_t columns() const { return dense_.size(1); }             // in
  at::ScalarType dtype() const { return dense_.scalar_type(); }  // of what it is multiplied with
  at::Device device() const { return dense_.device(); }
  uint64_t bytes() const { return dense_.nbytes(); }  // which a product reads

  // For whoever needs the numbers themselves: to train, score, fill or write them. Undefined where the weight is.
  const Tensor& dense() const { return dense_; }

 private:
  Tensor dense_;
};

// Of many rows (kernels/wide_product.h).
inline Tensor product(const Tensor& x, const Weight& w, const Tensor& bias, const Tensor& residual) {
  return product(x, w.dense(), bias, residual);
}
inline void add_product(const Tensor& out, const Tensor& x, const Weight& w) { add_product(out, x, w.dense()); }
inline Tensor product_backward(const Tensor& dy, const Weight& w) { return product_backward(dy, w.dense()); }
inline void add_product_backward(const Tensor& dx, const Tensor& dy, const Weight& w) {
  add_product_backward(dx, dy, w.dense());
}

// Of a step of decoding (kernels/decode.h).
inline Tensor norm_linear(const Tensor& x, const Tensor& norm, double eps, const Weight& w, const Tensor& bias) {
  return norm_linear(x, norm, eps, w.dense(), bias);
}
inline Tensor norm_swiglu(const Tensor& x, const Tensor& norm, double eps, const Weight& gate_up, const Tensor& bias) {
  return norm_swiglu(x, norm, eps, gate_up.dense(), bias);
}
inline Tensor linear_add(const Tensor& residual, const Tensor& x, const Weight& w, const Tensor& bias) {
  return linear_add(residual, x, w.dense(), bias);
}

}  // namespace shorten::kernels
