// SPDX-License-Identifier: Apache-2.0
// A family as it would be added: LLaMA with other names for its norms. The table of its block and the reader are all
// there is to it; in src/family they are one file, and families.cpp has a line for it.
#pragma once

#include <array>
#include <string>

#include "checkpoint/safetensors.h"
#include "family/families.h"
#include "temp_dir.h"

namespace shorten::family {

inline constexpr std::array kToyRows = {
    ModuleRow{"attn_norm", Half::kAttention, Slot::kInputNorm, size::kHidden, size::kNone},
    ModuleRow{"self_attn.q_proj", Half::kAttention, Slot::kQkv, size::kQueries, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.k_proj", Half::kAttention, Slot::kQkv, size::kKeys, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.v_proj", Half::kAttention, Slot::kQkv, size::kKeys, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.o_proj", Half::kAttention, Slot::kO, size::kHidden, size::kQueries, &BlockSpec::o_bias},
    ModuleRow{"ffn_scale", Half::kMlp, Slot::kPostAttentionNorm, size::kHidden, size::kNone},
    ModuleRow{"mlp.gate_proj", Half::kMlp, Slot::kGateUp, size::kIntermediate, size::kHidden, &BlockSpec::mlp_bias},
    ModuleRow{"mlp.up_proj", Half::kMlp, Slot::kGateUp, size::kIntermediate, size::kHidden, &BlockSpec::mlp_bias},
    ModuleRow{"mlp.down_proj", Half::kMlp, Slot::kDown, size::kHidden, size::kIntermediate, &BlockSpec::mlp_bias},
};
inline constexpr Layout kToyLayout{kToyRows};

inline ModelSpec read_toy(const JsonObject& config) {
  ModelSpec spec = read_llama(config);
  for (BlockSpec& block : spec.blocks) block.layout = &kToyLayout;
  return spec;
}

}  // namespace shorten::family

namespace shorten::test {

// As the toy family would have the tensors of a LLaMA called.
inline std::string toy_name(std::string name) {
  for (const auto& [theirs, ours] :
       {std::pair{"input_layernorm", "attn_norm"}, {"post_attention_layernorm", "ffn_scale"}}) {
    if (const size_t at = name.find(theirs); at != std::string::npos)
      name.replace(at, std::string(theirs).size(), ours);
  }
  return name;
}

// The LLaMA in `source` with the names of the toy family.
inline fs::path write_toy(const fs::path& source, const fs::path& dir) {
  const checkpoint::Checkpoint llama(source);
  std::vector<checkpoint::Tensor> tensors;
  for (auto [name, tensor] : llama.tensors()) {
    tensor.name = toy_name(name);
    tensors.push_back(tensor);
  }
  write(dir / "config.json", llama.config_text());
  checkpoint::write_safetensors(dir / "model.safetensors", tensors, {});
  return dir;
}

// What opening its folder gives.
inline family::ModelSpec toy_spec(const checkpoint::Checkpoint& model) {
  family::ModelSpec spec = family::read_toy(JsonObject(model.config(), model.config_file()));
  family::expect_tensors(spec, model);
  return spec;
}

}  // namespace shorten::test
