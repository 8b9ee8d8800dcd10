// SPDX-License-Identifier: Apache-2.0
// A student's trained numbers to and from files.
#pragma once

#include <vector>

#include "checkpoint/safetensors.h"
#include "train/trainable.h"

namespace shorten::train {

// Copies in host memory, and their bytes as tensors of a file.
struct HostTensors {
  std::vector<Tensor> held;
  std::vector<checkpoint::Tensor> tensors;

  void add(const std::string& name, const Tensor& value);  // fp32
};

// Masters, and with `moments` those of AdamW.
HostTensors to_host(const std::vector<Trainable>& trainables, bool moments);

// Throws bad_input if a tensor is missing or of another shape.
void from_file(const checkpoint::SafetensorsFile& file, std::vector<Trainable>& trainables, bool moments);

}  // namespace shorten::train
