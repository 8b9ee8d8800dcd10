// SPDX-License-Identifier: Apache-2.0
// A training run behind the torch-free face of engine.h.
#pragma once

#include "engine/engine.h"

namespace shorten::engine {

HealResponse heal(const HealRequest& request, const recipe::Hooks& hooks);

}  // namespace shorten::engine
