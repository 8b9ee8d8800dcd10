// SPDX-License-Identifier: Apache-2.0
#include "train/memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/units.h"
#include "train/objective.h"

namespace shorten::train {
namespace {

// More tokens at once make a step no faster: the products are large enough, and on a CPU leave its caches.
constexpr int64_t kMostTokensCpu = 2048, kMostTokensGpu = 16384;
constexpr int64_t kFewTokens = 2048;  // with fewer than these at once, computing blocks again is the better way

struct PerToken {
  double kept = 0;     // of one block between forward and backward
  double passing = 0;  // of the block that is being computed, beside what is kept
  double input = 0;    // of one block's input alone
};

PerToken per_token(const family::BlockSpec& b, int64_t hidden) {
  const auto d = static_cast<double>(hidden), mixed = static_cast<double>(b.heads * b.head_dim);
  const auto qkv = static_cast<double>((b.heads + 2 * b.kv_heads) * b.head_dim),
             i = static_cast<double>(b.intermediate);
  // input, rotated q k v, attention's output, the state between attention and MLP, gate | up
  return {2 * d + qkv + mixed + 2 * i, 4 * d + 3 * qkv + mixed + 4 * i, d};
}

}  // namespace

MemoryPlan plan_memory(const MemoryInputs& in, const recipe::Settings& s, uint64_t available) {
  const auto element = static_cast<double>(in.element);
  PerToken widest;
  double kept_all = 0, inputs_all = 0;
  for (const family::BlockSpec& block : in.student.blocks) {
    const PerToken p = per_token(block, in.student.hidden);
    widest.passing = std::max(widest.passing, p.passing);
    widest.kept = std::max(widest.kept, p.kept);
    kept_all += p.kept;
    inputs_all += p.input;
  }
  // Masters, sums and two moments in fp32; the compute copy where it is another tensor.
  const double fixed =
      static_cast<double>(in.frozen) + static_cast<double>(in.trained) * (16 + (in.element == 4 ? 0 : element));
  const auto vocabulary = static_cast<double>(in.student.vocabulary);
  const auto rows_at_head = static_cast<double>(head_rows(in.student.vocabulary));
  const auto hidden = static_cast<double>(in.student.hidden) * element;
  const double matched = in.hidden_matching ? static_cast<double>(in.student.blocks.size()) * hidden : 0;
  const auto length = static_cast<double>(s.length);
  const double masks = s.pack ? length * element * (in.teacher ? 2 : 1) : 0;  // who sees whom in packed rows
  const auto needed = [&](double rows, bool recompute) {
    const double tokens = rows * length;
    const double states = element * (recompute ? inputs_all + widest.kept : kept_all) + 4 * hidden + matched + masks;
    const double head = std::min(rows_at_head, tokens) * vocabulary * (4 * 4 + 2 * element);
    return fixed + tokens * states + std::max(head, tokens * widest.passing * element);
  };

  const double room = static_cast<double>(available);
  const int64_t most = std::max<int64_t>(
      1, std::min(in.rows, (in.on_cpu ? kMostTokensCpu : kMostTokensGpu) / std::max<int64_t>(1, s.length)));
  const auto fits = [&](bool recompute) {  // rows, 0 if not even one
    int64_t rows = s.micro_batch > 0 ? s.micro_batch : most;
    while (rows > 0 && needed(static_cast<double>(rows), recompute) > room) rows = s.micro_batch > 0 ? 0 : rows / 2;
    return rows;
  };
  MemoryPlan plan;
  plan.recompute = s.recompute == recipe::Recompute::kOn;
  plan.micro_batch = fits(plan.recompute);
  const int64_t enough = std::min(most, std::max<int64_t>(1, kFewTokens / s.length));
  if (s.recompute == recipe::Recompute::kAuto && plan.micro_batch < (s.micro_batch > 0 ? s.micro_batch : enough)) {
    const int64_t again = fits(true);
    if (again > plan.micro_batch) plan = {again, true, 0};
  }
  if (plan.micro_batch == 0) {
    const bool least = s.recompute != recipe::Recompute::kOff;
    throw no_space("the training does not fit into memory")
        .expected(fmt::format(
            "{} for weights, moments and {} row{} of {} tokens",
            human_bytes(static_cast<uint64_t>(needed(static_cast<double>(std::max<int64_t>(1, s.micro_batch)), least))),
            std::max<int64_t>(1, s.micro_batch), s.micro_batch > 1 ? "s" : "", s.length))
        .found(human_bytes(available))
        .help("use `method` lora, a smaller `length` or `micro_batch`, `recompute` on, or `dtype` bf16");
  }
  plan.bytes = static_cast<uint64_t>(needed(static_cast<double>(plan.micro_batch), plan.recompute));
  return plan;
}

}  // namespace shorten::train
