// SPDX-License-Identifier: Apache-2.0
// Schemas of the operators, and what carries gradients through them.
#include "kernels/ops.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "kernels/dropout.h"
#include "kernels/torch.h"

TORCH_LIBRARY(shorten, m) {
  m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor");
  m.def("rope(Tensor x, Tensor cos, Tensor sin, int rotated, bool back, *, Tensor(a!) out) -> Tensor(a!)");
  m.def("swiglu(Tensor x) -> Tensor");
  m.def("log_sum_exp(Tensor logits) -> Tensor");
  m.def(
      "rms_norm_backward(Tensor dy, Tensor x, Tensor weight, float eps, Tensor? added, bool wants_y) -> (Tensor, "
      "Tensor)");
  m.def("swiglu_backward(Tensor dy, Tensor x, bool wants_y) -> (Tensor, Tensor)");
  m.def("dropout(Tensor x, float p, int seed, Tensor places) -> Tensor");
}

namespace shorten::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor run_rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  static const auto op = find_operator<Tensor(const Tensor&, const Tensor&, double)>("shorten::rms_norm");
  return op.call(x, weight, eps);
}

// `out` may be x.
Tensor run_rope(const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t rotated, bool back, Tensor out) {
  static const auto op =
      find_operator<Tensor&(const Tensor&, const Tensor&, const Tensor&, int64_t, bool, Tensor&)>("shorten::rope");
  return op.call(x, cos, sin, rotated, back, out);
}

Tensor run_swiglu(const Tensor& x) {
  static const auto op = find_operator<Tensor(const Tensor&)>("shorten::swiglu");
  return op.call(x);
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, double eps) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["eps"] = eps;
    return run_rms_norm(x, weight, eps);
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const double eps = ctx->saved_data["eps"].toDouble();
    return {rms_norm_backward(gradients[0], saved[0], saved[1], eps, {}, false).dx,
            ctx->needs_input_grad(1) ? rms_norm_weight_gradient(gradients[0], saved[0], eps) : Tensor(), Tensor()};
  }
};

// A rotation is undone by turning the other way, so nothing of x is kept.
struct RopeFunction : torch::autograd::Function<RopeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t rotated) {
    ctx->save_for_backward({cos, sin});
    ctx->saved_data["rotated"] = rotated;
    const Tensor y = x.detach();  // in place, but for autograd another tensor
    return run_rope(y, cos, sin, rotated, false, y);
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor dy = gradients[0].contiguous();  // may be someone else's too
    const int64_t rotated = ctx->saved_data["rotated"].toInt();
    return {run_rope(dy, saved[0], saved[1], rotated, true, at::empty_like(dy)), Tensor(), Tensor(), Tensor()};
  }
};

struct SwigluFunction : torch::autograd::Function<SwigluFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return run_swiglu(x);
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    return {swiglu_backward(gradients[0], ctx->get_saved_variables()[0], false).dx};
  }
};

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return at::GradMode::is_enabled() ? RmsNormFunction::apply(x, weight, eps) : run_rms_norm(x, weight, eps);
}

Tensor rope(Tensor x, const Tensor& cos, const Tensor& sin, int64_t rotated) {
  return at::GradMode::is_enabled() ? RopeFunction::apply(x, cos, sin, rotated)
                                    : run_rope(x, cos, sin, rotated, false, x);
}

Tensor swiglu(const Tensor& x) { return at::GradMode::is_enabled() ? SwigluFunction::apply(x) : run_swiglu(x); }

Backward rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight, double eps, const Tensor& added,
                           bool wants_y) {
  static const auto op = find_operator<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double,
                                                                  const Optional&, bool)>("shorten::rms_norm_backward");
  const auto [dx, y] = op.call(dy, x, weight, eps, optional(added), wants_y);
  return {dx, y};
}

Tensor rms_norm_weight_gradient(const Tensor& dy, const Tensor& x, double eps) {
  const Tensor wide = x.to(at::kFloat);
  const Tensor normed = wide * (wide.square().mean(-1, true) + eps).rsqrt();
  return (normed * dy).reshape({-1, x.size(-1)}).sum(0).to(x.scalar_type());
}

Backward swiglu_backward(const Tensor& dy, const Tensor& x, bool wants_y) {
  static const auto op =
      find_operator<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, bool)>("shorten::swiglu_backward");
  const auto [dx, y] = op.call(dy, x, wants_y);
  return {dx, y};
}

Tensor log_sum_exp(const Tensor& logits) {
  if (at::GradMode::is_enabled()) return plain::log_sum_exp(logits);
  static const auto op = find_operator<Tensor(const Tensor&)>("shorten::log_sum_exp");
  return op.call(logits);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets) {
  if (at::GradMode::is_enabled()) return plain::cross_entropy(logits, targets);
  return log_sum_exp(logits) - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1);
}

Die make_die(double p) {
  SHORTEN_CHECK(p >= 0 && p < 1, "a probability of dropout outside [0, 1)");
  return {static_cast<uint32_t>(p * 4294967296.0), static_cast<float>(1 / (1 - p))};
}

Tensor hashed_dropout(const Tensor& x, double p, uint64_t seed, const Tensor& places) {
  SHORTEN_CHECK(places.defined() && places.scalar_type() == at::kLong && places.numel() == x.numel() / x.size(-1),
                "dropout without a place for every row");
  static const auto op = find_operator<Tensor(const Tensor&, double, int64_t, const Tensor&)>("shorten::dropout");
  return op.call(x, p, static_cast<int64_t>(seed), places);
}

}  // namespace shorten::kernels
