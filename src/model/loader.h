// SPDX-License-Identifier: Apache-2.0
// Checkpoint → CausalLm on a device in a dtype.
#pragma once

#include "checkpoint/checkpoint.h"
#include "model/causal_lm.h"

namespace shorten::model {

// A stored weight (F32, F16 or BF16) as a tensor in host memory that reads the mapped file: valid as long as that, and
// never to be written to.
Tensor view_of(const checkpoint::Tensor& stored);

// Copies every tensor of the checkpoint into a model. The checkpoint may be closed afterwards.
// Throws diverged if a weight is NaN or infinite, naming the tensor.
CausalLm load(const checkpoint::Checkpoint& checkpoint, at::Device device, at::ScalarType dtype);
// The same of the first blocks alone: those that `spec` has left of the checkpoint's.
CausalLm load(const checkpoint::Checkpoint& checkpoint, const family::ModelSpec& spec, at::Device device,
              at::ScalarType dtype);

// All but the blocks, into a model whose spec is set.
void load_outside(const checkpoint::Checkpoint& checkpoint, CausalLm& model, at::Device device, at::ScalarType dtype);

// Block `i` alone.
Block load_block(const checkpoint::Checkpoint& checkpoint, const family::ModelSpec& spec, int64_t i, at::Device device,
                 at::ScalarType dtype);

// A model of this shape with random weights (normal, 0.02), for measuring speed without a checkpoint.
CausalLm random_model(const family::ModelSpec& spec, at::Device device, at::ScalarType dtype, uint64_t seed);

}  // namespace shorten::model
