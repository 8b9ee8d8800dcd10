// SPDX-License-Identifier: Apache-2.0
// One Transformer block: x + attention(norm(x)), then + mlp(norm(·)). The forward pass reads like the
// paper (Touvron et al. 2023); every option is a value in BlockSpec, none depends on the block's index.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "family/spec.h"
#include "model/leaf.h"
#include "model/rope.h"

namespace shorten::model {

// Sees what a projection is given: the heads' outputs [N, T, H hd] before o_proj, the MLP's hidden units [N, T, I]
// before down_proj.
enum class Projection { kO, kDown };
using InputObserver = std::function<void(Projection projection, const Tensor& input)>;

// What the blocks of one forward pass share. Made by CausalLm::context.
struct Context {
  int64_t length = 0;  // tokens of each row, T
  Rope rope;           // [T, hd / 2], the same for all rows; of trees [N T, hd / 2]
  // Who looks at whom, added to the scores: 0 or -inf. `tree` [N, 1, T, T] is undefined where a token sees
  // all before it. `windows` has the same for sliding windows shorter than T: [T, T] or [N, 1, T, T].
  Tensor tree;
  std::map<int64_t, Tensor> windows;
  const InputObserver* observer = nullptr;  // called in Block::forward, where there is one

  // For a block with this window; undefined if every token sees all before it.
  Tensor mask(const std::optional<int64_t>& window) const;
};

// Rows that are trees of tokens: several continuations of one beginning, which is computed once. The
// tokens of a row are in depth-first order: those after token i and below it are i + 1 .. end[i] - 1,
// and a token sees itself and what it lies below.
struct TreeRows {
  Tensor depth;  // [N, T] int64: the position of each token on its path
  Tensor end;    // [N, T] int64
};

// A tensor of a block under its name in the checkpoint. Stacked projections share one storage.
struct Parameter {
  std::string name;             // "self_attn.q_proj.weight"
  Tensor storage;               // the whole stored tensor
  int64_t begin = 0, rows = 0;  // its rows in the storage
  bool of_norm = false;

  Tensor view() const { return storage.narrow(0, begin, rows); }
};

// What a block remembers of the tokens before. A block that is left out remembers nothing.
struct KvCache {
  Tensor keys, values;  // [R, K, C, hd] each: room for C tokens of R sequences
};

struct Block {
  family::BlockSpec spec;
  RmsNorm input_norm, post_attention_norm;  // [D]
  Linear qkv;                               // [(H + 2 K) hd, D]
  RmsNorm q_norm, k_norm;                   // [hd], weight undefined where the family has none
  Linear o;                                 // [D, H hd]
  Linear gate_up;                           // [2 I, D]
  Linear down;                              // [D, I]

  // x [N, T, D] → [N, T, D]. Where there is a cache, keys and values go into its first T places, and x is used up;
  // without one x stays as it is.
  Tensor forward(const Tensor& x, const Context& context, KvCache* cache = nullptr) const;

  // The two halves alone: x + the attention of norm(x), x + the MLP of norm(x). x stays as it is.
  Tensor attention(const Tensor& x, const Context& context) const;
  Tensor mlp(const Tensor& x) const;

  // Keys and values of x [N, T, D] into the first T places of the cache, and nothing else: for a block whose output is
  // wanted of single tokens only, which `step` then gives.
  void remember(const Tensor& x, const Context& context, KvCache& cache) const;

  // One token of each sequence, at `position` [R] int64: x [R, D] → [R, D]. Its keys and values join the cache.
  // `rope` is of all C positions. Carries no gradients.
  Tensor step(const Tensor& x, const Rope& rope, const Tensor& position, KvCache& cache) const;

  // As the layout names and orders them.
  std::vector<Parameter> parameters() const;

 private:
  kernels::Branches projections(const Tensor& x, const Context& context) const;  // [N, T, H + 2 K, hd]: q, k, v
  Tensor attention(const Tensor& x, const Context& context, KvCache* cache, kernels::Residual use) const;
  Tensor mlp(const Tensor& x, kernels::Residual use, const InputObserver* observer) const;
};

// Which member holds what a slot of the layout stores. Trained tensors, and what is drawn for them, have this order.
struct LinearMember {
  family::Slot slot;
  Linear Block::*member;
};
struct NormMember {
  family::Slot slot;
  RmsNorm Block::*member;
};
inline constexpr std::array kLinearMembers = {
    LinearMember{family::Slot::kQkv, &Block::qkv}, LinearMember{family::Slot::kO, &Block::o},
    LinearMember{family::Slot::kGateUp, &Block::gate_up}, LinearMember{family::Slot::kDown, &Block::down}};
inline constexpr std::array kNormMembers = {NormMember{family::Slot::kInputNorm, &Block::input_norm},
                                            NormMember{family::Slot::kPostAttentionNorm, &Block::post_attention_norm},
                                            NormMember{family::Slot::kQNorm, &Block::q_norm},
                                            NormMember{family::Slot::kKNorm, &Block::k_norm}};

// visit(slot, linear) for every projection, and visit(slot, norm) for every norm, of a block that may be const. Weights
// and biases that the block lacks are undefined.
template <typename AnyBlock, typename Visit>
void for_each_linear(AnyBlock& block, const Visit& visit) {
  for (const auto& [slot, member] : kLinearMembers) visit(slot, block.*member);
}
template <typename AnyBlock, typename Visit>
void for_each_norm(AnyBlock& block, const Visit& visit) {
  for (const auto& [slot, member] : kNormMembers) visit(slot, block.*member);
}

// A block of uninitialised tensors.
Block make_block(const family::BlockSpec& spec, double eps, at::TensorOptions options);

}  // namespace shorten::model
