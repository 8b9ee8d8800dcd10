// SPDX-License-Identifier: Apache-2.0
#include "family/families.h"

#include <array>

namespace shorten::family {

std::span<const Family> families() {
  static constexpr std::array kFamilies = {
      Family{"llama", "LlamaForCausalLM", read_llama},
      Family{"mistral", "MistralForCausalLM", read_mistral},
      Family{"qwen2", "Qwen2ForCausalLM", read_qwen2},
      Family{"qwen3", "Qwen3ForCausalLM", read_qwen3},
  };
  return kFamilies;
}

}  // namespace shorten::family
