// SPDX-License-Identifier: Apache-2.0
#include "engine/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "kernels/accelerator.h"
#include "model/device.h"

namespace shorten::engine {
namespace {

// Attained share of the rate of one large product: norms, attention and narrow shapes take the rest.
constexpr double kTypicalShare = 0.5;

// FLOP/s of a square product, the best of a few: the first warms up, others may be disturbed.
double product_rate(const at::Device& device, at::ScalarType dtype) {
  const at::NoGradGuard no_gradients;
  const int64_t n = device.is_cpu() ? 1024 : 4096;
  const Tensor a = at::ones({n, n}, at::TensorOptions(device).dtype(dtype));
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::matmul(a, a);
    kernels::synchronize(device);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * static_cast<double>(n * n * n) / seconds);
  }
  return best;
}

}  // namespace

void announce(const StepCost& cost, const at::Device& device, at::ScalarType dtype, uint64_t free) {
  const uint64_t needed = cost.weight_bytes + cost.state_bytes;
  if (needed > free) {
    throw no_space(fmt::format("not enough memory on {} for {}", model::device_name(device), cost.what))
        .expected(fmt::format("{} for weights in {} and {} for states", human_bytes(cost.weight_bytes),
                              model::dtype_name(dtype), human_bytes(cost.state_bytes)))
        .found(fmt::format("{} free", human_bytes(free)))
        .help(cost.weight_bytes <= free ? "ask for less at a time"
              : dtype == at::kFloat     ? "use `dtype` bf16, which halves the weights"
                                        : "use a machine or a device with more memory");
  }
  if (cost.flops <= 0) return;
  const double seconds = cost.flops / (kTypicalShare * product_rate(device, dtype));
  const std::string states = cost.state_bytes > 0 ? human_bytes(cost.state_bytes) + " of states, " : "";
  log_info(fmt::format("{}: {} of weights, {}about {} on {} in {}", cost.what, human_bytes(cost.weight_bytes), states,
                       human_seconds(seconds), model::device_name(device), model::dtype_name(dtype)));
}

}  // namespace shorten::engine
