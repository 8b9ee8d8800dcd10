// SPDX-License-Identifier: Apache-2.0
#include "eval/perplexity.h"

#include <algorithm>

namespace shorten::eval {
namespace {

// Windows [first, first + count) have equal length and go through the model together.
void score_batch(const model::CausalLm& model, std::span<const text::Window> windows,
                 std::span<std::vector<float>> out) {
  const auto n = static_cast<int64_t>(windows.size()), t = static_cast<int64_t>(windows[0].ids.size());
  Tensor ids = at::empty({n, t}, at::kLong);
  for (int64_t i = 0; i < n; ++i)
    std::copy(windows[static_cast<size_t>(i)].ids.begin(), windows[static_cast<size_t>(i)].ids.end(),
              ids.data_ptr<int64_t>() + i * t);
  ids = ids.to(model.device());

  const model::Context context = model.context(t);
  Tensor hidden = model.embed(ids);  // [N, T, D]
  for (const model::Block& block : model.blocks) hidden = block.forward(hidden, context);
  const Tensor predicting = hidden.narrow(1, 0, t - 1).reshape({n * (t - 1), -1});
  const Tensor nll = model.token_nll(predicting, ids.narrow(1, 1, t - 1).reshape({-1})).to(at::kCPU);
  const float* values = nll.const_data_ptr<float>();
  for (size_t i = 0; i < windows.size(); ++i) {
    out[i].resize(static_cast<size_t>(t - 1));
    for (float& logprob : out[i]) logprob = -*values++;
  }
}

}  // namespace

std::vector<std::vector<float>> window_logprobs(const model::CausalLm& model, std::span<const text::Window> windows,
                                                const std::function<void(int64_t)>& progress) {
  const at::NoGradGuard no_gradients;
  const int64_t batch_tokens = model.device().is_cpu() ? 2048 : 16384;
  std::vector<std::vector<float>> out(windows.size());
  for (size_t first = 0; first < windows.size();) {
    const size_t length = windows[first].ids.size();
    const size_t most = std::max<size_t>(1, static_cast<size_t>(batch_tokens) / length);
    size_t count = 1;
    while (count < most && first + count < windows.size() && windows[first + count].ids.size() == length) ++count;
    score_batch(model, windows.subspan(first, count), std::span(out).subspan(first, count));
    progress(static_cast<int64_t>(count));
    first += count;
  }
  return out;
}

}  // namespace shorten::eval
