// SPDX-License-Identifier: Apache-2.0
#include "family/common.h"

#include <fmt/format.h>

#include "core/error.h"
#include "family/file_keys.h"

namespace shorten::family {
namespace {

constexpr int64_t kMaxSize = 1 << 24;  // of a width or a vocabulary: far above any model, far below overflow

Error unsupported_key(const JsonObject& config, std::string_view key, std::string what) {
  return unsupported(std::move(what))
      .file(config.file())
      .where(fmt::format("key \"{}\"", key))
      .found(printable(config.at(key).dump(), 80));
}

checkpoint::DType read_dtype(const JsonObject& config) {
  const std::string key = config.has("dtype") ? "dtype" : "torch_dtype";
  std::string name = config.string_or(key, "float32");
  if (name.starts_with("torch.")) name = name.substr(6);
  if (name == "float32" || name == "float") return checkpoint::DType::kF32;
  if (name == "bfloat16") return checkpoint::DType::kBF16;
  if (name == "float16" || name == "half") return checkpoint::DType::kF16;
  throw unsupported_key(config, key, "a dtype that is not supported").expected("float32, bfloat16 or float16");
}

// layer_types, which must have an entry for every block.
const Json& check_layer_types(const JsonObject& config, size_t blocks) {
  const Json& types = config.array("layer_types");
  if (types.size() == blocks) return types;
  throw bad_input("layer_types does not fit the number of blocks")
      .file(config.file())
      .where("key \"layer_types\"")
      .expected(fmt::format("{} entries, as num_hidden_layers says", blocks))
      .found(fmt::format("{} entries", types.size()));
}

}  // namespace

ModelSpec read_common(const JsonObject& config, const Defaults& defaults) {
  if (config.has("quantization_config")) {
    throw unsupported_key(config, "quantization_config", "quantised checkpoints are not supported")
        .help("prune the original model and quantise the result");
  }
  if (const std::string act = config.string_or("hidden_act", "silu"); act != "silu" && act != "swish") {
    throw unsupported_key(config, "hidden_act", "an activation that this family does not have").expected("silu");
  }
  if (config.has("per_layer_config"))
    throw unsupported_key(config, "per_layer_config", "settings of single blocks are not supported");
  if (config.number_or("partial_rotary_factor", 1) != 1) {
    throw unsupported_key(config, "partial_rotary_factor", "rotating only a part of each head is not supported")
        .expected("1");
  }
  ModelSpec spec;
  spec.family = config.string("model_type");
  spec.vocabulary = config.integer("vocab_size", 1, kMaxSize);
  spec.hidden = config.integer("hidden_size", 1, kMaxSize);
  spec.max_positions = config.integer_or("max_position_embeddings", defaults.max_positions, 1, int64_t{1} << 40);
  spec.norm_eps = config.number_or("rms_norm_eps", 1e-6);
  if (!(spec.norm_eps >= 0)) throw config.error("out of range", "rms_norm_eps").expected("0 or more");
  spec.tied_head = config.boolean_or("tie_word_embeddings", false);
  spec.dtype = read_dtype(config);

  BlockSpec block;
  block.hidden = spec.hidden;
  block.heads = config.integer("num_attention_heads", 1, kMaxSize);
  // An absent key means the family's default, null as many as query heads.
  const bool absent = !config.value().contains("num_key_value_heads");
  block.kv_heads = config.integer_or("num_key_value_heads",
                                     absent ? defaults.kv_heads.value_or(block.heads) : block.heads, 1, kMaxSize);
  if (block.heads % block.kv_heads != 0) {
    throw config.error("query heads cannot be shared out evenly", "num_key_value_heads")
        .expected(fmt::format("a divisor of num_attention_heads = {}", block.heads));
  }
  if (config.has("head_dim") || defaults.head_dim) {
    block.head_dim = config.integer_or("head_dim", defaults.head_dim.value_or(0), 1, kMaxSize);
  } else if (spec.hidden % block.heads == 0) {
    block.head_dim = spec.hidden / block.heads;
  } else {
    throw config.error("the hidden size is not a multiple of the number of heads", "hidden_size")
        .expected(fmt::format("a multiple of num_attention_heads = {}, or a key head_dim", block.heads));
  }
  if (block.head_dim % 2 != 0)
    throw bad_input("rotary embedding needs an even head size")
        .file(config.file())
        .found(fmt::format("head_dim {}", block.head_dim));
  block.intermediate = config.integer("intermediate_size", 1, kMaxSize);
  spec.blocks.assign(static_cast<size_t>(config.integer("num_hidden_layers", 1, kMaxBlocks)), block);
  spec.rope = read_rope(config, spec.max_positions, block.head_dim);
  return spec;
}

void read_layer_windows(const JsonObject& config, ModelSpec& spec) {
  const auto blocks = static_cast<int64_t>(spec.blocks.size());
  std::optional<int64_t> window;
  // sliding_window counts only where use_sliding_window says so: Qwen configs carry it switched off.
  if (config.boolean_or("use_sliding_window", false)) window = config.integer_or("sliding_window", 4096, 1, INT64_MAX);
  if (!config.has("layer_types")) {
    const int64_t first = config.integer_or("max_window_layers", 28, 0, INT64_MAX);
    for (int64_t i = first; window && i < blocks; ++i) spec.blocks[static_cast<size_t>(i)].window = window;
    return;
  }
  const Json& types = check_layer_types(config, spec.blocks.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == "sliding_attention") {
      if (!window) {
        throw bad_input("a block with sliding attention, but no window")
            .file(config.file())
            .where(fmt::format("key \"layer_types\", entry {}", i))
            .help("use_sliding_window and sliding_window must give the window");
      }
      spec.blocks[i].window = window;
    } else if (types[i] != "full_attention") {
      throw unsupported("a kind of attention that is not supported")
          .file(config.file())
          .where(fmt::format("key \"layer_types\", entry {}", i))
          .expected("full_attention or sliding_attention")
          .found(printable(types[i].dump(), 60));
    }
  }
}

void expect_full_attention(const JsonObject& config, size_t blocks) {
  if (!config.has("layer_types")) return;
  check_layer_types(config, blocks);
  for (const Json& type : config.array("layer_types")) {
    if (type != "full_attention")
      throw unsupported_key(config, "layer_types", "this family has one kind of attention for all blocks")
          .expected("full_attention only, or no such key");
  }
}

}  // namespace shorten::family
