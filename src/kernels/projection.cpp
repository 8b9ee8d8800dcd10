// SPDX-License-Identifier: Apache-2.0
#include "kernels/projection.h"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/dispatch.h"
#include "kernels/dropout.h"
#include "kernels/ops.h"

namespace shorten::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What stands before the projection.
enum class Before : int64_t { kNothing, kNorm, kSwiglu };

struct Inputs {
  Before before = Before::kNothing;
  Tensor x, norm;  // norm [in] or undefined
  double eps = 0;

  Tensor prepared() const {  // [..., in]
    if (before == Before::kNorm) return rms_norm(x, norm, eps);
    return before == Before::kSwiglu ? swiglu(x) : x;
  }
  // From the gradient of prepared(), and of x past it, to that of x, and prepared() once more where it is wanted.
  Backward backward(const Tensor& dn, const Tensor& past, bool wants_prepared) const {
    if (before == Before::kNorm) return rms_norm_backward(dn, x, norm, eps, past, wants_prepared);
    return before == Before::kSwiglu ? swiglu_backward(dn, x, wants_prepared) : Backward{dn, x};
  }
};

// scale · a b
Tensor scaled_product(const Tensor& a, const Tensor& b, double scale) {
  Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  return out.addmm_(a, b, 0, scale);
}

// y [..., out], and in `low` what the adapter makes of the input, scale · dropout(prepared) Aᵀ [rows, R]. The adapter's
// share is written first and the projection added to it: the other way round it would be read once more.
Tensor forward(const Tensor& prepared, const Tensor& residual, const Projection& p, Tensor& low) {
  const LowRank* adapter = p.adapter;
  if (!adapter) return product(prepared, p.weight, p.bias, residual);
  low = scaled_product(flat(adapter->drop(prepared)), adapter->a.t(), adapter->scale);
  const Tensor first = residual.defined() ? flat(residual) : p.bias;
  std::vector<int64_t> shape = prepared.sizes().vec();
  shape.back() = p.weight.rows();
  Tensor y = (first.defined() ? at::addmm(first, low, adapter->b.t()) : at::mm(low, adapter->b.t())).view(shape);
  if (residual.defined() && p.bias.defined()) y.add_(p.bias);
  add_product(y, prepared, p.weight);
  return y;
}

// The same, added to what the residual holds.
void add_forward(const Tensor& residual, const Tensor& prepared, const Projection& p) {
  if (const LowRank* adapter = p.adapter) {
    const Tensor low = scaled_product(flat(adapter->drop(prepared)), adapter->a.t(), adapter->scale);
    residual.view({-1, p.weight.rows()}).addmm_(low, adapter->b.t());
  }
  if (p.bias.defined()) residual.add_(p.bias);
  add_product(residual, prepared, p.weight);
}

struct ProjectionFunction : torch::autograd::Function<ProjectionFunction> {
  enum Input { kX, kNorm, kResidual, kWeight, kBias, kA, kB, kTensors };

  // → y, and x past a norm.
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Optional& norm, const Optional& residual,
                               const Tensor& weight, const Optional& bias, const Optional& a, const Optional& b,
                               int64_t before, double eps, double scale, double dropout, int64_t seed,
                               const Optional& places) {
    const Tensor n = norm.value_or(Tensor()), add = residual.value_or(Tensor()), c = bias.value_or(Tensor());
    const LowRank adapter{a.value_or(Tensor()),        b.value_or(Tensor()),     scale, dropout,
                          static_cast<uint64_t>(seed), places.value_or(Tensor())};
    Tensor low;
    Tensor y = kernels::forward(Inputs{static_cast<Before>(before), x, n, eps}.prepared(), add,
                                {weight, c, a ? &adapter : nullptr}, low);
    ctx->save_for_backward({x, n, weight, adapter.a, adapter.b, low, adapter.places});
    ctx->saved_data["before"] = before;
    ctx->saved_data["eps"] = eps;
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    ctx->saved_data["seed"] = seed;
    ctx->saved_data["there"] = std::vector<bool>{
        true, norm.has_value(), residual.has_value(), true, bias.has_value(), a.has_value(), b.has_value()};
    if (!norm) return {y};
    ctx->set_materialize_grads(false);  // nothing may need x past the norm
    return {y, x.detach()};
  }

  // LibTorch counts only the inputs that were there.
  static bool wants(AutogradContext* ctx, Input input) {
    const c10::List<bool> there = ctx->saved_data["there"].toBoolList();
    if (!there[input]) return false;
    size_t edge = 0;
    for (size_t i = 0; i < input; ++i) edge += there[i] ? 1 : 0;
    return ctx->needs_input_grad(edge);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor weight = saved[2], low = saved[5], past = gradients.size() > 1 ? gradients[1] : Tensor();
    const LowRank adapter{saved[3],
                          saved[4],
                          ctx->saved_data["scale"].toDouble(),
                          ctx->saved_data["dropout"].toDouble(),
                          static_cast<uint64_t>(ctx->saved_data["seed"].toInt()),
                          saved[6]};
    const Tensor dy = gradients[0].contiguous();
    const Inputs inputs{static_cast<Before>(ctx->saved_data["before"].toInt()), saved[0], saved[1],
                        ctx->saved_data["eps"].toDouble()};

    variable_list out(kTensors + 6);  // and nothing for the numbers and places
    if (wants(ctx, kResidual)) out[kResidual] = gradients[0];
    Tensor dn, dlow;            // [..., in], [rows, R]
    if (adapter.a.defined()) {  // as in forward(), the adapter's share first
      dlow = scaled_product(flat(dy), adapter.b, adapter.scale);
      std::vector<int64_t> shape = dy.sizes().vec();
      shape.back() = weight.size(1);
      dn = adapter.drop(at::mm(dlow, adapter.a).view(shape));
      add_product_backward(dn, dy, weight);
    } else {
      dn = product_backward(dy, weight);
    }
    const bool wants_prepared = wants(ctx, kWeight) || adapter.a.defined();
    if (wants(ctx, kNorm)) out[kNorm] = rms_norm_weight_gradient(dn, inputs.x, inputs.eps);
    const Backward back = inputs.backward(dn, past, wants_prepared);
    if (wants(ctx, kX)) out[kX] = back.dx;
    if (wants(ctx, kWeight)) out[kWeight] = at::mm(flat(dy).t(), flat(back.y));
    if (wants(ctx, kBias)) out[kBias] = flat(dy).sum(0);
    if (adapter.a.defined()) {
      out[kA] = at::mm(dlow.t(), flat(adapter.drop(back.y)));
      out[kB] = at::mm(flat(dy).t(), low);
    }
    return out;
  }
};

variable_list run(const Inputs& inputs, const Tensor& residual, const Projection& p, Residual use) {
  if (!at::GradMode::is_enabled()) {
    if (use == Residual::kUsedUp) {
      add_forward(residual, inputs.prepared(), p);
      return {residual};
    }
    Tensor low;
    return {forward(inputs.prepared(), residual, p, low), inputs.x};
  }
  const LowRank adapter = p.adapter ? *p.adapter : LowRank{};
  return ProjectionFunction::apply(inputs.x, optional(inputs.norm), optional(residual), p.weight.dense(),
                                   optional(p.bias), optional(adapter.a), optional(adapter.b),
                                   static_cast<int64_t>(inputs.before), inputs.eps, adapter.scale, adapter.dropout,
                                   static_cast<int64_t>(adapter.seed), optional(adapter.places));
}

}  // namespace

Tensor LowRank::drop(const Tensor& x) const { return dropout > 0 ? hashed_dropout(x, dropout, seed, places) : x; }

Branches norm_project(const Tensor& x, const Tensor& norm, double eps, const Projection& p) {
  const variable_list out = run({Before::kNorm, x, norm, eps}, {}, p, Residual::kKept);
  return {out[0], out[1]};
}

Tensor project_add(const Tensor& residual, const Tensor& x, const Projection& p, Residual use) {
  return run({Before::kNothing, x, {}, 0}, residual, p, use)[0];
}

Tensor swiglu_project_add(const Tensor& residual, const Tensor& gate_up, const Projection& p, Residual use) {
  return run({Before::kSwiglu, gate_up, {}, 0}, residual, p, use)[0];
}

}  // namespace shorten::kernels
