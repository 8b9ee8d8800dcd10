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

}  // namespace

Tensor view_of(const checkpoint::Tensor& stored) {
  // from_blob takes a pointer to mutable data; this one is only read.
  return at::from_blob(const_cast<std::byte*>(stored.bytes.data()), stored.shape,
                       at::TensorOptions().dtype(scalar_type(stored.dtype)));
}

namespace {

// Uninitialised storage for all but the blocks.
void make_outside(CausalLm& model, at::TensorOptions options) {
  const family::ModelSpec& spec = model.spec;
  model.embedding = at::empty({spec.vocabulary, spec.hidden}, options);
  model.final_norm = {at::empty({spec.hidden}, options), spec.norm_eps};
  model.lm_head = {spec.tied_head ? model.embedding : at::empty({spec.vocabulary, spec.hidden}, options), {}};
}

// And for all.
CausalLm make_model(const family::ModelSpec& spec, at::Device device, at::ScalarType dtype) {
  const auto options = at::TensorOptions(device).dtype(dtype);
  CausalLm model;
  model.spec = spec;
  make_outside(model, options);
  for (const family::BlockSpec& block : spec.blocks)
    model.blocks.resident().push_back(make_block(block, spec.norm_eps, options));
  return model;
}

// Calls fill(name in the checkpoint, where it goes, whether it is a norm's) for every tensor outside the blocks; and
// for every tensor, once.
template <typename Fill>
void for_each_outside(CausalLm& model, const Fill& fill) {
  fill(family::kEmbedding, model.embedding, false);
  fill(family::kFinalNorm, model.final_norm.weight, true);
  if (!model.spec.tied_head) fill(family::kHead, model.lm_head.weight.dense(), false);
}
template <typename Fill>
void for_each_tensor(CausalLm& model, const Fill& fill) {
  for_each_outside(model, fill);
  for (const BlockLease& block : model.blocks.forward()) {
    for (const Parameter& p : block->parameters())
      fill(family::block_prefix(static_cast<int64_t>(block.index())) + p.name, p.view(), p.of_norm);
  }
}

// Copies the tensor that the model calls `expected` to where it goes.
void read_tensor(const checkpoint::Checkpoint& checkpoint, const family::ModelSpec& spec, const std::string& expected,
                 Tensor target) {
  const std::string name = family::stored_name(spec, checkpoint, expected);
  const checkpoint::Tensor& source = checkpoint.tensor(name);
  const Tensor mapped = view_of(source);
  target.copy_(mapped);
  if (target.sum(at::kFloat).isfinite().item<bool>() || target.isfinite().all().item<bool>()) {
    release_pages(source.bytes);
    return;
  }
  const bool narrowed = mapped.isfinite().all().item<bool>();
  throw diverged(narrowed ? "a weight does not fit the dtype" : "a weight is NaN or infinite")
      .file(checkpoint.file_of(name))
      .where("tensor " + name)
      .help(narrowed ? "use `dtype` fp32 or bf16" : "the checkpoint is damaged");
}

}  // namespace

CausalLm load(const checkpoint::Checkpoint& checkpoint, at::Device device, at::ScalarType dtype) {
  return load(checkpoint, family::read_spec(checkpoint), device, dtype);
}

CausalLm load(const checkpoint::Checkpoint& checkpoint, const family::ModelSpec& spec, at::Device device,
              at::ScalarType dtype) {
  const at::NoGradGuard guard;
  CausalLm model = make_model(spec, device, dtype);
  int64_t tensors = 0;
  for_each_tensor(model, [&](const std::string&, const Tensor&, bool) { ++tensors; });
  Progress progress("loading", tensors, "tensors");
  for_each_tensor(model, [&](const std::string& name, Tensor target, bool) {
    read_tensor(checkpoint, model.spec, name, std::move(target));
    progress.advance();
  });
  return model;
}

void load_outside(const checkpoint::Checkpoint& checkpoint, CausalLm& model, at::Device device, at::ScalarType dtype) {
  const at::NoGradGuard guard;
  make_outside(model, at::TensorOptions(device).dtype(dtype));
  for_each_outside(model, [&](const std::string& name, Tensor target, bool) {
    read_tensor(checkpoint, model.spec, name, std::move(target));
  });
}

Block load_block(const checkpoint::Checkpoint& checkpoint, const family::ModelSpec& spec, int64_t i, at::Device device,
                 at::ScalarType dtype) {
  const at::NoGradGuard guard;
  Block block =
      make_block(spec.blocks.at(static_cast<size_t>(i)), spec.norm_eps, at::TensorOptions(device).dtype(dtype));
  for (const Parameter& p : block.parameters())
    read_tensor(checkpoint, spec, family::block_prefix(i) + p.name, p.view());
  return block;
}

CausalLm random_model(const family::ModelSpec& spec, at::Device device, at::ScalarType dtype, uint64_t seed) {
  const at::NoGradGuard guard;
  CausalLm model = make_model(spec, device, dtype);
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(seed);
  for_each_tensor(model, [&](const std::string&, Tensor target, bool of_norm) {
    if (of_norm) {
      target.fill_(1);
    } else {
      target.normal_(0, 0.02, generator);
    }
  });
  return model;
}

}  // namespace shorten::model
