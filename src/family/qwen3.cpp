// SPDX-License-Identifier: Apache-2.0
// Qwen3: RMSNorm on each head of q and k instead of biases, head size given apart from the hidden size.
// Yang et al. 2025, arXiv 2505.09388.
#include "family/common.h"
#include "family/families.h"

namespace shorten::family {

ModelSpec read_qwen3(const JsonObject& config) {
  ModelSpec spec = read_common(config, {.max_positions = 32768, .kv_heads = 32, .head_dim = 128});
  const bool attention_bias = config.boolean_or("attention_bias", false);
  for (BlockSpec& block : spec.blocks) {
    block.qk_norm = true;
    block.qkv_bias = attention_bias;
    block.o_bias = attention_bias;
  }
  read_layer_windows(config, spec);
  return spec;
}

}  // namespace shorten::family
