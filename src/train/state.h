// SPDX-License-Identifier: Apache-2.0
// A student's trained numbers to and from files.
#pragma once

#include <vector>

#include "checkpoint/safetensors.h"
#include "core/file.h"
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

// The weights of the best step, in a file of that step in the folder of the state: an older one stays until a slot no
// longer speaks of it. Returns the SHA-256 of the masters.
std::string write_best(const fs::path& state, int64_t step, const std::vector<Trainable>& trainables);
void remove_best_but(const fs::path& state, int64_t step, int64_t older);
// Throw bad_input if the file is not there, or its numbers have another SHA-256.
checkpoint::SafetensorsFile open_best(const fs::path& state, int64_t step, const std::string& sha256);
void read_best(const fs::path& state, int64_t step, const std::string& sha256, std::vector<Trainable>& trainables);

}  // namespace shorten::train
