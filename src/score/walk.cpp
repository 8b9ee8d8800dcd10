// SPDX-License-Identifier: Apache-2.0
#include "score/walk.h"

#include <algorithm>
#include <optional>

#include "core/check.h"

namespace shorten::score {
namespace {

int64_t default_tile(const model::CausalLm& model) {
  // A GPU wants enough rows to fill every multiprocessor many times over; on a CPU the activations of
  // a tile, three to four times as wide as the MLP, should stay in the last-level cache.
  if (!model.device().is_cpu()) return 16384;
  return std::max<int64_t>(128, (int64_t{1} << 20) / model.blocks.spec(0).intermediate);
}

// What a block makes of a tile on the way, about: its input once more, and the wider of its two halves.
uint64_t tile_bytes(const model::CausalLm& model, int64_t tokens) {
  int64_t widest = 0;
  for (const family::BlockSpec& s : model.spec.blocks) {
    const int64_t projected = (s.heads + 2 * s.kv_heads) * s.head_dim;
    widest = std::max({widest, 2 * projected + s.heads * s.head_dim, 3 * s.intermediate});
  }
  return static_cast<uint64_t>(tokens * (3 * model.spec.hidden + widest)) * model.embedding.element_size();
}

std::span<const plan::RemovalSet> batch_at(std::span<const plan::RemovalSet> sets, size_t first, size_t size) {
  return sets.subspan(first, std::min(size, sets.size() - first));
}

// The cost of variants in the shape of `plan`, one batch after another.
class Cutter {
 public:
  Cutter(const model::CausalLm& model, int64_t length, std::span<const plan::RemovalSet> sets)
      : model_(model), length_(length), sets_(sets) {}

  Schedule schedule(const WalkPlan& plan, std::span<const plan::RemovalSet> batch, int64_t rows) const {
    const int64_t together = std::max<int64_t>(1, plan.options.tile_tokens / (rows * length_));
    return make_schedule(static_cast<int>(model_.blocks.size()), batch, plan.options.intact, together);
  }

  uint64_t bytes(const WalkPlan& plan) const {
    const int64_t tokens = plan.rows * length_;
    const uint64_t state = static_cast<uint64_t>(tokens * model_.spec.hidden) * model_.embedding.element_size();
    uint64_t widest = 0;
    for (size_t first = 0; first < sets_.size() || first == 0; first += plan.sets) {
      const ScheduleCost cost = cost_of(schedule(plan, batch_at(sets_, first, plan.sets), plan.rows));
      const int64_t tile = std::max(length_, plan.options.tile_tokens);
      const uint64_t in_blocks = static_cast<uint64_t>(cost.live_states) * state +
                                 tile_bytes(model_, std::min(tile, tokens * cost.live_states));
      const uint64_t at_head =
          static_cast<uint64_t>(cost.final_states + 1) * state + head_bytes(model_, plan.options.objective, tokens);
      widest = std::max({widest, in_blocks, at_head});
    }
    return widest;
  }

 private:
  const model::CausalLm& model_;
  int64_t length_;
  std::span<const plan::RemovalSet> sets_;
};

// A group of rows on its way through the blocks.
class Group {
 public:
  Group(const model::CausalLm& model, const model::Context& context, int64_t first_row, const WalkPlan& plan,
        const WalkHooks& hooks)
      : model_(model),
        context_(context),
        first_row_(first_row),
        tile_rows_(std::max<int64_t>(1, plan.options.tile_tokens / context.length)),
        hooks_(hooks) {}

  // The last state of each variant in `schedule.result`, and of the intact model where it takes part.
  std::vector<Tensor> run(const Tensor& ids, const Schedule& schedule) {
    states_.assign(static_cast<size_t>(schedule.states), {});
    states_[0] = model_.embed(ids);
    for (const model::BlockLease& lease : model_.blocks.forward()) {
      const size_t b = lease.index();
      const int block = static_cast<int>(b);
      if (hooks_.weights && first_row_ == 0) hooks_.weights(block, *lease);
      const Tensor before = schedule.intact.empty() ? Tensor() : state(schedule.intact[b]);
      int64_t evaluations = 0;
      for (const Call& call : schedule.blocks[b]) {
        apply(call, *lease, block);
        if (call.through != Through::kCopy) evaluations += static_cast<int64_t>(call.out.size());
        for (const int done : call.done) state(done) = Tensor();
      }
      if (hooks_.states) hooks_.states(block, first_row_, before, state(schedule.intact[b + 1]));
      if (hooks_.progress) hooks_.progress(evaluations);
    }
    return std::move(states_);
  }

 private:
  Tensor& state(int number) { return states_[static_cast<size_t>(number)]; }

  void apply(const Call& call, const model::Block& block, int number) {
    if (call.through == Through::kCopy) {
      state(call.out[0]) = state(call.in[0]).clone();
    } else if (call.in.size() == 1) {
      state(call.out[0]) = through_rows(call, block, number, state(call.in[0]));
    } else {
      std::vector<Tensor> in;
      for (const int each : call.in) in.push_back(state(each));
      const std::vector<Tensor> out = through(call.through, block, at::cat(in), context_).split(in[0].size(0));
      for (size_t i = 0; i < out.size(); ++i) state(call.out[i]) = out[i];
    }
  }

  // One state, as many rows at once as a tile holds.
  Tensor through_rows(const Call& call, const model::Block& block, int number, const Tensor& in) {
    int64_t row = 0;
    const model::InputObserver observer = [&](model::Projection projection, const Tensor& input) {
      hooks_.inputs(number, first_row_ + row, projection, input);
    };
    std::optional<model::Context> observed;  // a copy, where somebody looks inside the block
    if (call.intact && hooks_.inputs) observed.emplace(context_).observer = &observer;
    const model::Context& context = observed ? *observed : context_;
    const int64_t rows = in.size(0);
    if (rows <= tile_rows_) return through(call.through, block, in, context);
    Tensor out = at::empty_like(in);
    for (; row < rows; row += tile_rows_) {
      const int64_t n = std::min(tile_rows_, rows - row);
      out.narrow(0, row, n).copy_(through(call.through, block, in.narrow(0, row, n), context));
    }
    return out;
  }

  static Tensor through(Through what, const model::Block& block, const Tensor& in, const model::Context& context) {
    if (what == Through::kAttention) return block.attention(in, context);
    if (what == Through::kMlp) return block.mlp(in);
    return block.forward(in, context);
  }

  const model::CausalLm& model_;
  const model::Context& context_;
  int64_t first_row_, tile_rows_;
  const WalkHooks& hooks_;
  std::vector<Tensor> states_;  // by their numbers; undefined before they are made, and when nobody needs them any more
};

// Adds to sums[i] what a group of rows gives for variant i.
void add_sums(const model::CausalLm& model, const Tensor& ids, const Schedule& schedule, Objective objective,
              std::vector<Tensor> states, std::span<double> sums) {
  std::vector<int> last = schedule.result;
  std::sort(last.begin(), last.end());
  last.erase(std::unique(last.begin(), last.end()), last.end());
  std::vector<Tensor> different;
  for (const int number : last) different.push_back(std::move(states[static_cast<size_t>(number)]));
  Tensor intact;
  if (objective == Objective::kKl) {
    const auto at = std::lower_bound(last.begin(), last.end(), schedule.intact.back());
    const bool asked_for = at != last.end() && *at == schedule.intact.back();
    intact = asked_for ? different[static_cast<size_t>(at - last.begin())]
                       : states[static_cast<size_t>(schedule.intact.back())];
  }
  states.clear();
  const Tensor values = head_sums(model, ids, objective, std::move(different), intact).to(at::kCPU);
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto at = std::lower_bound(last.begin(), last.end(), schedule.result[i]) - last.begin();
    sums[i] += values[at].item<double>();
  }
}

}  // namespace

WalkPlan plan_walk(const model::CausalLm& model, int64_t rows, int64_t length, std::span<const plan::RemovalSet> sets,
                   const WalkOptions& options) {
  WalkPlan plan{options, rows, std::max<size_t>(1, sets.size())};
  if (plan.options.tile_tokens <= 0) plan.options.tile_tokens = default_tile(model);
  if (options.objective == Objective::kKl && options.intact == Intact::kAbsent) plan.options.intact = Intact::kThere;
  const Cutter cutter(model, length, sets);
  while ((plan.bytes = cutter.bytes(plan)) > options.memory) {
    if (plan.rows > 1) {
      const double fits =
          static_cast<double>(plan.rows) * static_cast<double>(options.memory) / static_cast<double>(plan.bytes);
      plan.rows = std::clamp<int64_t>(static_cast<int64_t>(fits), 1, plan.rows - 1);
    } else if (plan.sets > 1) {
      plan.sets = (plan.sets + 1) / 2;
    } else {
      break;
    }
  }
  for (size_t first = 0; first < sets.size() || first == 0; first += plan.sets) {
    const Schedule schedule = cutter.schedule(plan, batch_at(sets, first, plan.sets), plan.rows);
    plan.evaluations += (rows + plan.rows - 1) / plan.rows * cost_of(schedule).evaluations;
  }
  return plan;
}

std::vector<double> walk(const model::CausalLm& model, const Tensor& ids, std::span<const plan::RemovalSet> sets,
                         const WalkPlan& plan, const WalkHooks& hooks) {
  SHORTEN_CHECK(!hooks.states || plan.options.intact != Intact::kAbsent, "the intact model is observed, and absent");
  SHORTEN_CHECK(!hooks.inputs || plan.options.intact == Intact::kAlone, "inputs are observed of a shared state");
  const at::NoGradGuard no_gradients;
  const int64_t rows = ids.size(0);
  const model::Context context = model.context(ids.size(1));
  const Cutter cutter(model, ids.size(1), sets);
  std::vector<double> sums(sets.size());
  for (size_t first_set = 0; first_set < sets.size() || first_set == 0; first_set += plan.sets) {
    const std::span<const plan::RemovalSet> batch = batch_at(sets, first_set, plan.sets);
    const WalkHooks only_progress{hooks.progress, {}, {}, {}};
    for (int64_t first_row = 0; first_row < rows; first_row += plan.rows) {
      const Tensor group = ids.narrow(0, first_row, std::min(plan.rows, rows - first_row));
      const Schedule schedule = cutter.schedule(plan, batch, group.size(0));
      std::vector<Tensor> states =
          Group(model, context, first_row, plan, first_set == 0 ? hooks : only_progress).run(group, schedule);
      if (batch.empty()) continue;
      add_sums(model, group, schedule, plan.options.objective, std::move(states),
               std::span(sums).subspan(first_set, batch.size()));
    }
  }
  return sums;
}

}  // namespace shorten::score
