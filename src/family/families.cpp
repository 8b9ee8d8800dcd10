// SPDX-License-Identifier: Apache-2.0
#include "family/families.h"

#include <array>

namespace shorten::family {

std::span<const Family> families() {
  static constexpr std::array kFamilies = {
      Family{"llama", read_llama},
      Family{"mistral", read_mistral},
      Family{"qwen2", read_qwen2},
      Family{"qwen3", read_qwen3},
  };
  return kFamilies;
}

}  // namespace shorten::family
