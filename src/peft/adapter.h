// SPDX-License-Identifier: Apache-2.0
// A LoRA adapter as PEFT keeps it: adapter_config.json and adapter_model.safetensors in a folder.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/json.h"
#include "family/spec.h"

namespace shorten::peft {

struct AdapterConfig {
  int64_t rank = 8;  // the largest, where a PEFT adapter has several
  double alpha = 16, dropout = 0;
  bool rank_stabilised = false;      // rsLoRA: alpha / sqrt(rank) instead of alpha / rank
  std::vector<std::string> targets;  // "q_proj", ..., in the order of family::lora_targets
};

// A pair of matrices of one module: a [rank, in], b [out, rank].
struct AdapterPair {
  int64_t block = 0;
  std::string module;
  checkpoint::Tensor a, b;
  double scale = 1;  // B A counts so many times as the configuration's alpha and rank say
};

struct PeftAdapter {
  AdapterConfig config;
  checkpoint::SafetensorsFile file;
  std::vector<AdapterPair> pairs;  // by block, then in the order of family::linears_of
};

// Opens the adapter in `dir` for a base model of this structure and fingerprint. Throws unsupported for what is not
// plain LoRA (other peft types, DoRA, trained biases, modules saved whole); bad_input for missing or unknown keys,
// shapes that do not fit the base, NaN or infinity, an adapter that records another base.
PeftAdapter open_adapter(const fs::path& dir, const family::ModelSpec& base, const std::string& fingerprint);

// Writes the adapter to the folder `dir` (an existing, empty one): fp32 pairs as PEFT names them, `base` as the path
// PEFT will look for, and shorten.json with the fingerprint of the base.
void write_adapter(const fs::path& dir, const AdapterConfig& config, const std::vector<AdapterPair>& pairs,
                   const std::string& base, const std::string& fingerprint);

}  // namespace shorten::peft
