// SPDX-License-Identifier: Apache-2.0
// A sound Llama checkpoint of a few kilobytes, made on the spot, for tests to use or to break.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "temp_dir.h"

namespace shorten::test {

// Tensors with the memory they lie in. Every value is different, so that none can be taken for another.
class TinyTensors {
 public:
  explicit TinyTensors(int blocks) {
    add("lm_head.weight", {8, 4});
    add("model.embed_tokens.weight", {8, 4});
    for (int i = 0; i < blocks; ++i) {
      const std::string block = fmt::format("model.layers.{}.", i);
      add(block + "input_layernorm.weight", {4});
      add(block + "mlp.down_proj.weight", {4, 6});
      add(block + "mlp.gate_proj.weight", {6, 4});
      add(block + "mlp.up_proj.weight", {6, 4});
      add(block + "post_attention_layernorm.weight", {4});
      add(block + "self_attn.k_proj.weight", {2, 4});
      add(block + "self_attn.o_proj.weight", {4, 4});
      add(block + "self_attn.q_proj.weight", {4, 4});
      add(block + "self_attn.v_proj.weight", {2, 4});
    }
    add("model.norm.weight", {4});
  }

  void add(const std::string& name, std::vector<int64_t> shape) {
    size_t numel = 1;
    for (const int64_t dim : shape) numel *= static_cast<size_t>(dim);
    auto& values = memory_.emplace_back(numel);
    for (float& v : values) v = 0.25f + static_cast<float>(next_++) / 1024;
    tensors_.push_back({name, checkpoint::DType::kF32, std::move(shape), std::as_bytes(std::span(values))});
  }

  const std::vector<checkpoint::Tensor>& all() const { return tensors_; }

 private:
  std::vector<std::vector<float>> memory_;  // the inner vectors do not move when the outer one grows
  std::vector<checkpoint::Tensor> tensors_;
  int next_ = 0;
};

inline constexpr uint64_t kTinyBlockParameters = 128, kTinyOtherParameters = 68;

inline std::string tiny_config(int blocks, const std::string& more = "") {
  return fmt::format(
      "{{\n  \"architectures\": [\n    \"LlamaForCausalLM\"\n  ],\n  \"model_type\": \"llama\",\n{}"
      "  \"hidden_size\": 4,\n  \"intermediate_size\": 6,\n  \"num_attention_heads\": 2,\n"
      "  \"num_hidden_layers\": {},\n  \"num_key_value_heads\": 1,\n  \"rms_norm_eps\": 1e-05,\n"
      "  \"tie_word_embeddings\": false,\n  \"vocab_size\": 8\n}}\n",
      more, blocks);
}

// config.json, model.safetensors, a tokenizer, a licence.
inline fs::path write_tiny_model(const fs::path& dir, int blocks = 4, const std::string& more_config = "") {
  write(dir / "config.json", tiny_config(blocks, more_config));
  write(dir / "tokenizer.json", "{\"model\": {}}\n");
  write(dir / "LICENSE", "Apache-2.0\n");
  checkpoint::write_safetensors(dir / "model.safetensors", TinyTensors(blocks).all(), {{"format", "pt"}});
  return dir;
}

// The same in two shards with an index.
inline fs::path write_tiny_shards(const fs::path& dir, int blocks = 4) {
  write(dir / "config.json", tiny_config(blocks));
  const TinyTensors tiny(blocks);
  const std::span<const checkpoint::Tensor> tensors = tiny.all();
  const size_t half = tensors.size() / 2;
  std::string map;
  for (size_t i = 0; i < tensors.size(); ++i) {
    map += fmt::format("{}\n    \"{}\": \"model-0000{}-of-00002.safetensors\"", i ? "," : "", tensors[i].name,
                       i < half ? 1 : 2);
  }
  checkpoint::write_safetensors(dir / "model-00001-of-00002.safetensors", tensors.first(half), {});
  checkpoint::write_safetensors(dir / "model-00002-of-00002.safetensors", tensors.subspan(half), {});
  write(dir / "model.safetensors.index.json",
        fmt::format("{{\n  \"metadata\": {{}},\n  \"weight_map\": {{{}\n  }}\n}}\n", map));
  return dir;
}

}  // namespace shorten::test
