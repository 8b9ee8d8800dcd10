// SPDX-License-Identifier: Apache-2.0
#include "score/walk.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace shorten::score {
namespace {

// A hidden state and the variants whose state it is: those that removed the same blocks so far.
struct Live {
  Tensor hidden;  // [N, T, D]; never written to, because a skipped block shares it with the next state
  std::vector<size_t> variants;
};

bool removes(const RemovalSet& set, int block) { return std::binary_search(set.begin(), set.end(), block); }

// Puts the states through the block, as many at once as a tile holds.
void apply(const model::Block& block, const model::Context& context, std::span<Live* const> states,
           int64_t tile_tokens) {
  const int64_t rows = states.empty() ? 0 : states[0]->hidden.size(0);
  const auto together = static_cast<size_t>(std::max<int64_t>(1, tile_tokens / (rows * context.length)));
  const int64_t tile_rows = std::max<int64_t>(1, tile_tokens / context.length);
  for (size_t first = 0; first < states.size(); first += together) {
    const auto tile = states.subspan(first, std::min(together, states.size() - first));
    if (tile.size() > 1) {
      std::vector<Tensor> hidden;
      for (const Live* state : tile) hidden.push_back(state->hidden);
      const std::vector<Tensor> out = block.forward(at::cat(hidden), context).split(rows);
      for (size_t j = 0; j < tile.size(); ++j) tile[j]->hidden = out[j];
    } else if (rows <= tile_rows) {
      tile[0]->hidden = block.forward(tile[0]->hidden, context);
    } else {
      std::vector<Tensor> parts = tile[0]->hidden.split(tile_rows);
      for (Tensor& part : parts) part = block.forward(part, context);
      tile[0]->hidden = at::cat(parts);
    }
  }
}

int64_t default_tile(const model::CausalLm& model) {
  // A GPU wants enough rows to fill every multiprocessor many times over; on a CPU the activations of
  // a tile, three to four times as wide as the MLP, should stay in the last-level cache.
  if (!model.device().is_cpu()) return 16384;
  return std::max<int64_t>(128, (int64_t{1} << 20) / model.blocks.spec(0).intermediate);
}

}  // namespace

std::vector<double> walk(const model::CausalLm& model, const Tensor& ids, std::span<const RemovalSet> variants,
                         const Observer& observe, const std::function<void(int64_t)>& progress,
                         const WalkOptions& options) {
  const at::NoGradGuard no_gradients;
  const auto blocks = static_cast<int>(model.blocks.size());
  for (const RemovalSet& set : variants) {
    SHORTEN_CHECK(std::is_sorted(set.begin(), set.end()) && (set.empty() || (set.front() >= 0 && set.back() < blocks)),
                  "a removal set that is no ascending list of blocks");
  }
  const int64_t tile = options.tile_tokens > 0 ? options.tile_tokens : default_tile(model);
  const model::Context context = model.context(ids.size(1));
  const size_t intact = variants.size();  // a variant of its own that removes nothing

  std::vector<Live> live(1);
  live[0].hidden = model.embed(ids);
  live[0].variants.resize(variants.size() + (observe ? 1 : 0));
  std::iota(live[0].variants.begin(), live[0].variants.end(), size_t{0});

  for (const model::BlockLease& block : model.blocks.forward()) {
    const auto i = static_cast<int>(block.index());
    std::vector<Live> next;
    next.reserve(2 * live.size());
    std::vector<Live*> moving;
    Live* intact_state = nullptr;
    Tensor before;
    for (Live& state : live) {
      Live staying{state.hidden, {}}, going{state.hidden, {}};
      for (const size_t v : state.variants)
        (v != intact && removes(variants[v], i) ? staying : going).variants.push_back(v);
      if (!staying.variants.empty()) next.push_back(std::move(staying));
      if (going.variants.empty()) continue;
      const bool holds_intact = observe && going.variants.back() == intact;  // ascending, and the intact one is last
      next.push_back(std::move(going));
      moving.push_back(&next.back());
      if (holds_intact) {
        intact_state = moving.back();
        before = intact_state->hidden;
      }
    }
    live.clear();  // the states before this block are dropped as soon as nothing shares them
    apply(*block, context, moving, tile);
    if (intact_state) observe(i, before, intact_state->hidden);
    progress(static_cast<int64_t>(moving.size()));
    live = std::move(next);
  }

  const Tensor targets = ids.narrow(1, 1, ids.size(1) - 1).reshape({-1});
  std::vector<Tensor> live_sums;  // read from the device together
  for (const Live& state : live) {
    const Tensor hidden = state.hidden.narrow(1, 0, ids.size(1) - 1).reshape({-1, state.hidden.size(2)});
    live_sums.push_back(model.token_nll(hidden, targets).sum(at::kDouble));
  }
  const Tensor values = at::stack(live_sums).to(at::kCPU);
  std::vector<double> sums(variants.size());
  for (size_t i = 0; i < live.size(); ++i) {
    for (const size_t v : live[i].variants) {
      if (v != intact) sums[v] = values[static_cast<int64_t>(i)].item<double>();
    }
  }
  return sums;
}

int64_t count_evaluations(int64_t blocks, std::span<const RemovalSet> variants) {
  int64_t count = 0;
  for (int i = 0; i < blocks; ++i) {
    // The distinct removals among blocks 0 .. i-1, each with whether some variant keeps block i.
    std::vector<RemovalSet> moving;
    for (const RemovalSet& set : variants) {
      if (removes(set, i)) continue;
      moving.emplace_back(set.begin(), std::lower_bound(set.begin(), set.end(), i));
    }
    std::sort(moving.begin(), moving.end());
    count += std::unique(moving.begin(), moving.end()) - moving.begin();
  }
  return count;
}

}  // namespace shorten::score
