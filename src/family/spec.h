// SPDX-License-Identifier: Apache-2.0
// What a model is, as plain values: read from config.json by one file a family, used by every room
// that must know the structure. Nothing is inferred from the number or the index of blocks, because
// depth pruning changes both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "family/layout.h"

namespace shorten::family {

// Rotary position embedding. Which fields count depends on `type`; sources are named in model/rope.cpp.
struct RopeSpec {
  enum class Type { kDefault, kLinear, kDynamic, kYarn, kLongrope, kLlama3 };
  Type type = Type::kDefault;
  double theta = 10000;
  double factor = 1;
  int64_t max_positions = 0;                                       // of the model as it is now
  int64_t original_max_positions = 0;                              // of its pre-training
  std::optional<double> attention_factor, mscale, mscale_all_dim;  // yarn, longrope
  double beta_fast = 32, beta_slow = 1;                            // yarn
  bool truncate = true;                                            // yarn
  std::vector<double> short_factor, long_factor;                   // longrope, head_dim / 2 each
  double low_freq_factor = 1, high_freq_factor = 4;                // llama3

  bool operator==(const RopeSpec&) const = default;
};

// One block: attention and MLP, each with its residual. Sizes in elements.
struct BlockSpec {
  const Layout* layout = &kPreNormSwiglu;
  int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0;
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool qk_norm = false;           // RMSNorm over head_dim on q and k, before RoPE (Qwen3)
  std::optional<int64_t> window;  // a token sees itself and window - 1 before it; absent: all before it

  bool operator==(const BlockSpec&) const = default;
};

struct ModelSpec {
  std::string family;      // model_type of config.json
  int64_t vocabulary = 0;  // rows of the embedding, which may be more than the tokenizer has tokens
  int64_t hidden = 0;
  int64_t max_positions = 0;
  double norm_eps = 1e-6;
  bool tied_head = false;                             // the head is the embedding
  checkpoint::DType dtype = checkpoint::DType::kF32;  // what the checkpoint says it is
  RopeSpec rope;
  std::vector<BlockSpec> blocks;
};

// A tensor that the model needs, with the shape that config.json promises.
struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;
};

// The tensors of one block, names without the prefix, in the order of its layout.
std::vector<ExpectedTensor> block_tensors(const BlockSpec& block);
std::vector<ExpectedTensor> expected_tensors(const ModelSpec& spec);

// Reads config.json. Throws unsupported for a family, rope type or option this version does not know,
// bad_input for numbers that make no sense.
ModelSpec read_spec(const Json& config, const fs::path& file);

// The same for an opened checkpoint, and expects its tensors.
ModelSpec read_spec(const checkpoint::Checkpoint& checkpoint);

// Compares the tensors of the checkpoint with those of the spec: missing, unexpected, of another shape or of a dtype
// that is no weight. Throws bad_input that lists all.
void expect_tensors(const ModelSpec& spec, const checkpoint::Checkpoint& checkpoint);

// The name under which the checkpoint holds `name`: some writers store a tied head and leave out the
// embedding, which then is the head.
std::string stored_name(const ModelSpec& spec, const checkpoint::Checkpoint& checkpoint, const std::string& name);

struct Counts {
  uint64_t parameters = 0;        // of all expected tensors
  uint64_t block_parameters = 0;  // of all blocks
};
Counts count_parameters(const ModelSpec& spec);

// Bytes of keys and values a token adds to the cache, with `bytes_per_value` bytes a value.
uint64_t kv_bytes_per_token(const ModelSpec& spec, uint64_t bytes_per_value);

std::string_view rope_name(RopeSpec::Type type);

}  // namespace shorten::family
