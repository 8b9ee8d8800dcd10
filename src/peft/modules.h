// SPDX-License-Identifier: Apache-2.0
// Which modules of a model a PEFT adapter has, and of what rank: PEFT 0.21's rules for the keys target_modules,
// exclude_modules, layers_to_transform, layers_pattern, rank_pattern and alpha_pattern.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "family/spec.h"

namespace shorten::peft {

struct AdaptedPart {
  int64_t block = 0;
  std::string module;  // "self_attn.q_proj"
  int64_t rank = 0;
  double alpha = 0;
};

// By block, then in the order of family::linears_of. `rank` and `alpha` are those of modules that no pattern names.
// Throws bad_input for values that are none, unsupported for modules that are no projections of a block and for regular
// expressions that are not read here.
std::vector<AdaptedPart> read_adapted_parts(const JsonObject& config, const family::ModelSpec& base, int64_t rank,
                                            double alpha);

}  // namespace shorten::peft
