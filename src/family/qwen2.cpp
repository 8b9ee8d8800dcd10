// SPDX-License-Identifier: Apache-2.0
// Qwen2 and Qwen2.5: biases on q, k and v; a sliding window from block max_window_layers on where
// use_sliding_window is set. Yang et al. 2024, arXiv 2407.10671.
#include "family/common.h"
#include "family/families.h"

namespace shorten::family {

ModelSpec read_qwen2(const JsonObject& config) {
  ModelSpec spec = read_common(config, {.max_positions = 32768, .kv_heads = 32, .head_dim = {}});
  for (BlockSpec& block : spec.blocks) block.qkv_bias = true;
  read_layer_windows(config, spec);
  return spec;
}

}  // namespace shorten::family
