// SPDX-License-Identifier: Apache-2.0
// LLaMA 1, 2, 3.x and what shares its class: Vicuna, TinyLlama, SmolLM2.
// Touvron et al. 2023, arXiv 2302.13971.
#include "family/common.h"
#include "family/families.h"

namespace shorten::family {

ModelSpec read_llama(const JsonObject& config) {
  ModelSpec spec = read_common(config, {.max_positions = 2048, .kv_heads = {}, .head_dim = {}});
  expect_full_attention(config, spec.blocks.size());
  const bool attention_bias = config.boolean_or("attention_bias", false);
  const bool mlp_bias = config.boolean_or("mlp_bias", false);
  for (BlockSpec& block : spec.blocks) {
    block.qkv_bias = attention_bias;
    block.o_bias = attention_bias;
    block.mlp_bias = mlp_bias;
  }
  return spec;
}

}  // namespace shorten::family
