// SPDX-License-Identifier: Apache-2.0
// adapter_config.json of PEFT, as far as plain LoRA needs it.
#pragma once

#include <string>

#include "peft/adapter.h"
#include "peft/modules.h"

namespace shorten::peft {

inline constexpr int64_t kMaxRank = 4096;

struct PeftConfig {
  AdapterConfig common;            // the largest rank, and what is adapted in any block
  std::vector<AdaptedPart> parts;  // each with its own rank and alpha
};

// Reads the file of an adapter for `base`. Keys that change what the adapter computes and that we do not compute
// are unsupported; unknown ones are ignored, as PEFT adds some with every version.
PeftConfig read_peft_config(const fs::path& file, const family::ModelSpec& base);

bool is_unused(const Json& value);  // as PEFT writes what is not used: null, false or empty

// The text of the file. PEFT will look for the base model at `base`.
std::string peft_config_text(const AdapterConfig& config, const std::string& base);

}  // namespace shorten::peft
