// SPDX-License-Identifier: Apache-2.0
// --device and --dtype → where and in what the tensors are. Opens the CUDA plug-in when it is wanted.
#pragma once

#include <string>

#include "family/spec.h"
#include "kernels/torch.h"

namespace shorten::model {

// "auto", "cpu", "cuda", "cuda:1". `auto` is CUDA where the plug-in and a device are there, else CPU.
// Must be called before the first ATen call: CUDA's hooks are looked up once. Throws usage_error if
// CUDA is asked for and not there, saying what is missing.
at::Device open_device(const std::string& name);

// "auto" is the checkpoint's dtype on CUDA and fp32 on a CPU.
at::ScalarType choose_dtype(const std::string& name, const at::Device& device, checkpoint::DType checkpoint);

std::string dtype_name(at::ScalarType dtype);       // "fp32"
std::string device_name(const at::Device& device);  // "cpu", "cuda:0"

// Threads for ATen: `threads` or, if 0, the physical cores this process may use.
void set_threads(int threads);

}  // namespace shorten::model
