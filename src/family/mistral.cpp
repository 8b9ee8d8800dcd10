// SPDX-License-Identifier: Apache-2.0
// Mistral: LLaMA without biases, with one sliding window for all blocks. Jiang et al. 2023, arXiv 2310.06825.
#include "family/common.h"
#include "family/families.h"

namespace shorten::family {

ModelSpec read_mistral(const JsonObject& config) {
  ModelSpec spec = read_common(config, {.max_positions = 4096 * 32, .kv_heads = 8, .head_dim = {}});
  expect_full_attention(config, spec.blocks.size());  // of other kinds of blocks this class knows nothing
  // An absent key means the window of the first Mistral, null means none.
  const bool absent = !config.value().contains("sliding_window");
  if (absent || config.has("sliding_window")) {
    const int64_t window = config.integer_or("sliding_window", 4096, 1, INT64_MAX);
    for (BlockSpec& block : spec.blocks) block.window = window;
  }
  return spec;
}

}  // namespace shorten::family
