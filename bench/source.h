// SPDX-License-Identifier: Apache-2.0
// What the benchmark programs load: a model, or the shape of a config.json with random weights.
#pragma once

#include <string>

#include "core/json.h"
#include "engine/engine.h"

namespace shorten::bench {

inline engine::ModelSource source(const std::string& path, bool random_weights) {
  if (random_weights) return {family::read_spec(read_json(path), path), nullptr};
  return engine::source_of(family::open_model(path));
}

}  // namespace shorten::bench
