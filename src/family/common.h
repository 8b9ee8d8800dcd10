// SPDX-License-Identifier: Apache-2.0
// What the families' config.json have in common.
#pragma once

#include "core/json.h"
#include "family/spec.h"

namespace shorten::family {

// What a family assumes when config.json does not say it (the defaults of its configuration class).
struct Defaults {
  int64_t max_positions = 2048;
  std::optional<int64_t> kv_heads;  // absent: as many as query heads
  std::optional<int64_t> head_dim;  // absent: hidden / heads
};

// Sizes, norm, head, dtype and rope; `blocks` holds num_hidden_layers equal blocks without biases,
// norms or windows, for the family to complete. Throws for options no supported family has.
ModelSpec read_common(const JsonObject& config, const Defaults& defaults);

// For families whose layer_types or max_window_layers + use_sliding_window choose the window of each block (Qwen2,
// Qwen3).
void read_layer_windows(const JsonObject& config, ModelSpec& spec);

// Throws unsupported if config.json has layer_types other than full attention.
void expect_full_attention(const JsonObject& config, size_t blocks);

// rope_parameters (Transformers 5), or rope_scaling and rope_theta (before).
RopeSpec read_rope(const JsonObject& config, int64_t max_positions, int64_t head_dim);

}  // namespace shorten::family
