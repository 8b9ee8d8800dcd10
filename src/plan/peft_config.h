// SPDX-License-Identifier: Apache-2.0
// adapter_config.json of PEFT, as far as plain LoRA needs it.
#pragma once

#include <string>

#include "plan/peft_adapter.h"

namespace shorten::plan {

// Reads the file of an adapter for `base`. Keys that change what the adapter computes and that we do not compute
// are unsupported; unknown ones are ignored, as PEFT adds some with every version.
AdapterConfig read_peft_config(const fs::path& file, const family::ModelSpec& base);

// The text of the file. PEFT will look for the base model at `base`.
std::string peft_config_text(const AdapterConfig& config, const std::string& base);

}  // namespace shorten::plan
