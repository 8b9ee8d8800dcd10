// SPDX-License-Identifier: Apache-2.0
#include "model/loader.h"

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"

namespace shorten::model {
namespace {

at::ScalarType scalar_type(checkpoint::DType dtype) {
  switch (dtype) {
    case checkpoint::DType::kF32:
      return at::kFloat;
    case checkpoint::DType::kF16:
      return at::kHalf;
    case checkpoint::DType::kBF16:
      return at::kBFloat16;
    default:
      SHORTEN_CHECK(false, "read_spec lets only F32, F16 and BF16 through");
  }
}

// The model's storage, uninitialised.
CausalLm make_model(const family::ModelSpec& spec, at::Device device, at::ScalarType dtype) {
  const auto options = at::TensorOptions(device).dtype(dtype);
  CausalLm model;
  model.spec = spec;
  model.embedding = at::empty({spec.vocabulary, spec.hidden}, options);
  for (const family::BlockSpec& block : spec.blocks)
    model.blocks.push_back(make_block(block, spec.hidden, spec.norm_eps, options));
  model.final_norm = {at::empty({spec.hidden}, options), spec.norm_eps};
  model.lm_head = {spec.tied_head ? model.embedding : at::empty({spec.vocabulary, spec.hidden}, options), {}};
  return model;
}

// Calls fill(name in the checkpoint, where it goes) for every tensor once.
template <typename Fill>
void for_each_tensor(CausalLm& model, const Fill& fill) {
  fill(family::kEmbedding, model.embedding);
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    for (const Parameter& p : model.blocks[i].parameters())
      fill(family::block_prefix(static_cast<int64_t>(i)) + p.name, p.view());
  }
  fill(family::kFinalNorm, model.final_norm.weight);
  if (!model.spec.tied_head) fill(family::kHead, model.lm_head.weight);
}

}  // namespace

CausalLm load(const checkpoint::Checkpoint& checkpoint, at::Device device, at::ScalarType dtype) {
  const at::NoGradGuard guard;
  CausalLm model = make_model(family::read_spec(checkpoint), device, dtype);
  Progress progress("loading", static_cast<int64_t>(checkpoint.tensors().size()), "tensors");
  for_each_tensor(model, [&](const std::string& expected, Tensor target) {
    const std::string name = family::stored_name(model.spec, checkpoint, expected);
    const checkpoint::Tensor& source = checkpoint.tensor(name);
    // from_blob takes a pointer to mutable data; this one is only read.
    const Tensor mapped = at::from_blob(const_cast<std::byte*>(source.bytes.data()), source.shape,
                                        at::TensorOptions().dtype(scalar_type(source.dtype)));
    target.copy_(mapped);
    if (!target.sum(at::kFloat).isfinite().item<bool>() && !target.isfinite().all().item<bool>()) {
      const bool narrowed = mapped.isfinite().all().item<bool>();
      throw diverged(narrowed ? "a weight does not fit the dtype" : "a weight is NaN or infinite")
          .file(checkpoint.file_of(name))
          .where("tensor " + name)
          .help(narrowed ? "use --dtype fp32 or bf16" : "the checkpoint is damaged");
    }
    progress.advance();
  });
  return model;
}

CausalLm random_model(const family::ModelSpec& spec, at::Device device, at::ScalarType dtype, uint64_t seed) {
  const at::NoGradGuard guard;
  CausalLm model = make_model(spec, device, dtype);
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(seed);
  for_each_tensor(model, [&](const std::string& name, Tensor target) {
    if (name.find("norm") != std::string::npos) {
      target.fill_(1);
    } else {
      target.normal_(0, 0.02, generator);
    }
  });
  return model;
}

}  // namespace shorten::model
