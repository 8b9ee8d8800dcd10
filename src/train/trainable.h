// SPDX-License-Identifier: Apache-2.0
// A tensor that is trained: kept and moved in fp32, used in the dtype of the computation.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/torch.h"

namespace shorten::train {

struct Trainable {
  std::string name;       // unique; what the state file calls it
  Tensor master;          // fp32
  Tensor compute;         // a leaf in the dtype of the computation; the master itself where that is fp32
  Tensor gradient;        // fp32: the sum over the micro-batches of a step, once there is something in it
  Tensor first, second;   // AdamW's moments, fp32
  Tensor mask;            // 1 where it is trained, 0 elsewhere; undefined: all of it
  bool decays = false;    // weight decay is for matrices
  bool gathered = false;  // there is something in the sum
};

// `values` in any dtype on the device of the computation.
Trainable make_trainable(std::string name, const Tensor& values, at::ScalarType dtype, bool decays);

// Adds what autograd left at the compute copies to the sums, and drops it there.
void collect(std::span<Trainable> trainables);
void add_gradient(Trainable& trainable, const Tensor& gradient);
void round_to_compute(std::vector<Trainable>& trainables);  // masters → compute

// The sums of all made ready for a step: masked, and clipped to a common norm. Returns the norm before clipping.
// With several processes this is where their sums would be added.
double finish_gradients(std::vector<Trainable>& trainables, double clip);

struct AdamW {  // Loshchilov & Hutter 2019, arXiv 1711.05101
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0;
};

// Step `count` (from 1) with LibTorch's fused kernel; clears the sums.
void step(std::vector<Trainable>& trainables, const AdamW& adam, double lr, int64_t count);
void clear_gradients(std::vector<Trainable>& trainables);

}  // namespace shorten::train
