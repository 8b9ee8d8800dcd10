// SPDX-License-Identifier: Apache-2.0
// How a block is built: a table for each shape of block. Whoever must know what a block consists of reads it: the
// tensors of a checkpoint, the storage of model::Block, what is trained, scored, adapted and written. A family whose
// blocks have other names or another shape brings a table of its own and sets BlockSpec::layout.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shorten::family {

struct BlockSpec;

// The names of what belongs to no block, and what the names in block i begin with.
inline constexpr char kEmbedding[] = "model.embed_tokens.weight";
inline constexpr char kFinalNorm[] = "model.norm.weight";
inline constexpr char kHead[] = "lm_head.weight";
inline constexpr char kBlocks[] = "model.layers.";
std::string block_prefix(int64_t i);  // "model.layers.3."

// The two residual branches of a block.
enum class Half { kAttention, kMlp };

// Where a block stores a module: rows of a projection that may be stacked (q, k, v; gate, up), or a norm.
enum class Slot { kQkv, kO, kGateUp, kDown, kInputNorm, kPostAttentionNorm, kQNorm, kKNorm };
std::string_view slot_name(Slot slot);  // "qkv", "input_norm": saved states of training know them by these names

// A size as a sum of multiples of those of a block: D, H hd, K hd, hd, I.
struct Size {
  int hidden = 0, queries = 0, keys = 0, head = 0, intermediate = 0;

  int64_t of(const BlockSpec& block) const;
};
namespace size {
inline constexpr Size kNone, kHidden{.hidden = 1}, kQueries{.queries = 1}, kKeys{.keys = 1}, kHead{.head = 1},
    kIntermediate{.intermediate = 1};
}

// A row of the table: what one module has, in blocks where it is there. The modules of a slot lie in it in the order of
// their rows, and have the same columns.
struct ModuleRow {
  std::string_view name;  // in the block: "self_attn.q_proj"
  Half half;
  Slot slot;
  Size rows, columns;                    // of the weight; a norm has no columns
  bool BlockSpec::*bias = nullptr;       // whether it has one; null: never
  bool BlockSpec::*condition = nullptr;  // whether it is there; null: always
};

struct Layout {
  std::span<const ModuleRow> rows;  // in the order in which we list and write them
};

// norm, attention; norm, SwiGLU: LLaMA and what follows it.
extern const Layout kPreNormSwiglu;

// A module of one block, with its sizes.
struct Module {
  std::string name;
  Half half;
  Slot slot;
  int64_t rows = 0, columns = 0;
  int64_t begin = 0;  // its first row in the slot
  bool bias = false;

  bool is_norm() const { return columns == 0; }
  std::string target() const;  // "q_proj": what adapters call it
};

std::vector<Module> modules_of(const BlockSpec& block);             // all that are there, in the order of the table
std::vector<Module> modules_in(const BlockSpec& block, Slot slot);  // those that one slot stores
std::vector<Module> linears_of(const BlockSpec& block);             // the projections: all but the norms

// What can get a LoRA adapter: "q_proj", ..., in the order of the table.
std::vector<std::string> lora_targets(const BlockSpec& block);

}  // namespace shorten::family
