// SPDX-License-Identifier: Apache-2.0
// Patterns of adapter_config.json.
#include "python/regex.h"
#include "target.h"
#include "text/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  static const Json config = Json::object();
  return fuzz::run([&] {
    const std::string pattern = text::replace_invalid_utf8(fuzz::bytes(data, size));
    const python::Regex regex(JsonObject(config, "adapter_config.json"), "target_modules", pattern);
    for (const char* path : {"model.layers.3.self_attn.q_proj", "model.layers.12.mlp.down_proj", "lm_head", ""}) {
      regex.matches(path);
    }
  });
}
