// SPDX-License-Identifier: Apache-2.0
#include "train/check_written.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "model/loader.h"

namespace shorten::train {
namespace {

using checkpoint::DType;

at::ScalarType type_of(DType dtype) {
  return dtype == DType::kF32 ? at::kFloat : dtype == DType::kF16 ? at::kHalf : at::kBFloat16;
}

// The student in fp32: as it was trained, or merged and rounded.
class Wide {
 public:
  Wide(const Student& student, std::optional<at::ScalarType> rounded) : student_(student), rounded_(rounded) {}

  // All but the blocks.
  model::CausalLm outside() const {
    const model::CausalLm& m = student_.model;
    model::CausalLm out;
    out.spec = m.spec;
    out.embedding = weight(m.embedding);
    out.final_norm = norm(m.final_norm);
    out.lm_head = m.spec.tied_head ? model::Linear{out.embedding, {}} : linear(m.lm_head);
    return out;
  }

  model::Block block(size_t i) const {
    model::Block b = *student_.model.blocks.lease(i);
    for_each_norm(b, [this](family::Slot, model::RmsNorm& n) { n = norm(n); });
    for_each_linear(b, [this](family::Slot, model::Linear& l) { l = linear(l); });
    return b;
  }

 private:
  Tensor master(const Tensor& used) const {
    if (!used.defined()) return used;
    for (const Trainable& t : student_.trainables) {
      if (t.compute.is_same(used)) return t.master;
    }
    return used.to(at::kFloat);
  }

  Tensor round(const Tensor& x) const { return rounded_ && x.defined() ? x.to(*rounded_).to(at::kFloat) : x; }

  Tensor weight(const Tensor& used) const { return round(master(used)); }

  model::RmsNorm norm(const model::RmsNorm& n) const { return {weight(n.weight), n.eps}; }

  model::Linear linear(const model::Linear& l) const {
    if (!l.adapter) return {weight(l.weight.dense()), weight(l.bias)};
    const kernels::LowRank wide{master(l.adapter->a), master(l.adapter->b), l.adapter->scale};
    if (rounded_) return {round(master(l.weight.dense()).add(at::mm(wide.b, wide.a), wide.scale)), weight(l.bias)};
    return {master(l.weight.dense()), master(l.bias), std::make_shared<kernels::LowRank>(wide)};
  }

  const Student& student_;
  std::optional<at::ScalarType> rounded_;
};

// Whether memory and file hold the same numbers: full training keeps masters of everything, an adapter's base is in
// memory in the dtype of the computation.
bool same_numbers(const Student& student, const Base& base) {
  const at::ScalarType used = student.model.dtype();
  const bool kept = !student.parts.empty() && used != at::kFloat && used != type_of(base.spec.dtype);
  return !kept && std::all_of(base.files.tensors().begin(), base.files.tensors().end(),
                              [&](const auto& entry) { return entry.second.dtype == base.spec.dtype; });
}

// In relative L2 norm.
void expect_near(const Tensor& a, const Tensor& b, double most, const char* what, const fs::path& written) {
  const Tensor wide = a.to(at::kDouble);
  const double apart = ((wide - b.to(at::kDouble)).norm() / wide.norm()).item<double>();
  if (apart <= most) return;
  throw Error(ExitCode::kQuality, what)
      .file(written)
      .expected(fmt::format("logits within {:g} of those in memory", most))
      .found(fmt::format("{:.4g}", apart))
      .help("the output is not kept");
}

}  // namespace

void check_written(const Student& student, const Base& base, const std::vector<int32_t>& probe,
                   const fs::path& written) {
  const at::NoGradGuard guard;
  const at::Device device = student.model.device();
  const checkpoint::Checkpoint files(written);
  model::CausalLm found;
  found.spec = family::read_spec(files);
  model::load_outside(files, found, device, at::kFloat);
  const Wide as_trained(student, std::nullopt), as_rounded(student, type_of(base.spec.dtype));
  const model::CausalLm trained = as_trained.outside(), rounded = as_rounded.outside();

  const std::vector<int64_t> wide(probe.begin(), probe.end());
  const Tensor ids = at::tensor(wide, at::kLong).unsqueeze(0).to(device);
  const model::Context context = found.context(ids.size(1));
  Tensor a = trained.embed(ids), b = rounded.embed(ids), c = found.embed(ids);  // [1, T, D]
  for (size_t i = 0; i < student.model.blocks.size(); ++i) {
    a = as_trained.block(i).forward(a, context);
    b = as_rounded.block(i).forward(b, context);
    c = model::load_block(files, found.spec, static_cast<int64_t>(i), device, at::kFloat).forward(c, context);
  }
  b = rounded.head(b);
  expect_near(b, found.head(c), same_numbers(student, base) ? 1e-5 : 5e-2,
              "the written model does not compute what was trained", written);
  expect_near(trained.head(a), b, base.spec.dtype == DType::kF32 ? 1e-3 : 5e-2,
              "rounding to the dtype of the checkpoint has changed the trained model", written);
}

}  // namespace shorten::train
