// SPDX-License-Identifier: Apache-2.0
// Whether a request for sampled text makes sense.
#pragma once

#include "engine/engine.h"

namespace shorten::jobs {

// Throws usage_error naming the field.
void check_sampling(const engine::SamplingSettings& sampling);

}  // namespace shorten::jobs
