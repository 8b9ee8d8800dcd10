// SPDX-License-Identifier: Apache-2.0
// What a run leaves: a PEFT adapter, and a Hugging Face directory of the merged or fully trained model.
#pragma once

#include "checkpoint/checkpoint.h"
#include "core/json.h"
#include "train/student.h"

namespace shorten::train {

struct Base {  // the model that was trained
  const checkpoint::Checkpoint& files;
  family::ModelSpec spec;
  std::string fingerprint;
};

// The folder `output` appears whole or not at all. Throws diverged if a number is not finite.
void write_adapter(const Student& student, const recipe::Settings& settings, const Base& base, const fs::path& output);

// Weights with B A added in fp32 and rounded once to the dtype of the checkpoint, or the trained ones; everything else
// byte for byte. Before the directory gets its name it is held against the student (train/check_written.h).
// `record` becomes shorten.json. Throws Error(kQuality) if no byte differs from the base.
void write_model(const Student& student, const Base& base, const std::vector<int32_t>& probe, const Json& record,
                 const fs::path& output);

}  // namespace shorten::train
