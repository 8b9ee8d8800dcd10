// SPDX-License-Identifier: Apache-2.0
#include "family/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/check.h"
#include "family/spec.h"

namespace shorten::family {
namespace {

constexpr std::array kPreNormSwigluRows = {
    ModuleRow{"self_attn.q_proj", Half::kAttention, Slot::kQkv, size::kQueries, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.k_proj", Half::kAttention, Slot::kQkv, size::kKeys, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.v_proj", Half::kAttention, Slot::kQkv, size::kKeys, size::kHidden, &BlockSpec::qkv_bias},
    ModuleRow{"self_attn.o_proj", Half::kAttention, Slot::kO, size::kHidden, size::kQueries, &BlockSpec::o_bias},
    ModuleRow{"self_attn.q_norm", Half::kAttention, Slot::kQNorm, size::kHead, size::kNone, nullptr,
              &BlockSpec::qk_norm},
    ModuleRow{"self_attn.k_norm", Half::kAttention, Slot::kKNorm, size::kHead, size::kNone, nullptr,
              &BlockSpec::qk_norm},
    ModuleRow{"mlp.gate_proj", Half::kMlp, Slot::kGateUp, size::kIntermediate, size::kHidden, &BlockSpec::mlp_bias},
    ModuleRow{"mlp.up_proj", Half::kMlp, Slot::kGateUp, size::kIntermediate, size::kHidden, &BlockSpec::mlp_bias},
    ModuleRow{"mlp.down_proj", Half::kMlp, Slot::kDown, size::kHidden, size::kIntermediate, &BlockSpec::mlp_bias},
    ModuleRow{"input_layernorm", Half::kAttention, Slot::kInputNorm, size::kHidden, size::kNone},
    ModuleRow{"post_attention_layernorm", Half::kMlp, Slot::kPostAttentionNorm, size::kHidden, size::kNone},
};

}  // namespace

constinit const Layout kPreNormSwiglu{kPreNormSwigluRows};

std::string block_prefix(int64_t i) { return fmt::format("{}{}.", kBlocks, i); }

std::string_view slot_name(Slot slot) {
  switch (slot) {
    case Slot::kQkv:
      return "qkv";
    case Slot::kO:
      return "o";
    case Slot::kGateUp:
      return "gate_up";
    case Slot::kDown:
      return "down";
    case Slot::kInputNorm:
      return "input_norm";
    case Slot::kPostAttentionNorm:
      return "post_attention_norm";
    case Slot::kQNorm:
      return "q_norm";
    case Slot::kKNorm:
      return "k_norm";
  }
  SHORTEN_CHECK(false, "a slot without a name");
}

int64_t Size::of(const BlockSpec& b) const {
  return hidden * b.hidden + (queries * b.heads + keys * b.kv_heads + head) * b.head_dim +
         intermediate * b.intermediate;
}

std::string Module::target() const { return name.substr(name.rfind('.') + 1); }

std::vector<Module> modules_of(const BlockSpec& block) {
  std::vector<Module> out;
  for (const ModuleRow& row : block.layout->rows) {
    if (row.condition && !(block.*row.condition)) continue;
    Module module{std::string(row.name), row.half, row.slot, row.rows.of(block), row.columns.of(block)};
    module.bias = row.bias && block.*row.bias;
    const auto above = std::find_if(out.rbegin(), out.rend(), [&](const Module& m) { return m.slot == module.slot; });
    if (above != out.rend()) {
      SHORTEN_CHECK(above->columns == module.columns && above->bias == module.bias && !module.is_norm(),
                    "modules in one slot that cannot be stacked: " + module.name);
      module.begin = above->begin + above->rows;
    }
    out.push_back(std::move(module));
  }
  return out;
}

std::vector<Module> modules_in(const BlockSpec& block, Slot slot) {
  std::vector<Module> out = modules_of(block);
  std::erase_if(out, [slot](const Module& module) { return module.slot != slot; });
  return out;
}

std::vector<Module> linears_of(const BlockSpec& block) {
  std::vector<Module> out = modules_of(block);
  std::erase_if(out, [](const Module& module) { return module.is_norm(); });
  return out;
}

std::vector<std::string> lora_targets(const BlockSpec& block) {
  std::vector<std::string> out;
  for (const Module& module : linears_of(block)) out.push_back(module.target());
  return out;
}

}  // namespace shorten::family
