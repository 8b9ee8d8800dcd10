// SPDX-License-Identifier: Apache-2.0
#include "infer/sampler.h"

#include <cmath>

#include "core/random.h"

namespace shorten::infer {
namespace {

// Each sequence draws from a seed of its own: what it says does not depend on how many there are beside it.
Tensor draw_uniform(uint64_t seed, int64_t steps, int64_t rows) {
  Tensor out = at::empty({steps, rows}, at::kDouble);
  Random seeds(seed);
  for (int64_t r = 0; r < rows; ++r) {
    Random random(seeds.next());
    for (int64_t s = 0; s < steps; ++s)
      out.data_ptr<double>()[s * rows + r] = static_cast<double>(random.next() >> 11) * 0x1.0p-53;
  }
  return out;
}

// Everything but what `keep` says becomes impossible.
Tensor only(const Tensor& logits, const Tensor& keep) { return logits.masked_fill(keep.logical_not(), -INFINITY); }

}  // namespace

Sampler::Sampler(const Sampling& sampling, int64_t rows, int64_t steps, int64_t vocabulary, at::Device device)
    : sampling_(sampling) {
  if (sampling.temperature > 0) uniform_ = draw_uniform(sampling.seed, steps, rows).to(device);
  if (sampling.repetition_penalty != 1)
    seen_ = at::zeros({rows, vocabulary}, at::TensorOptions(device).dtype(at::kBool));
}

void Sampler::start(const Tensor& ids, const Tensor& length) {
  if (!seen_.defined()) return;
  const Tensor inside = at::arange(ids.size(1), length.options()).unsqueeze(0) < length.unsqueeze(1);  // [R, T]
  seen_.zero_();
  // Padding counts as a further look at the first token.
  seen_.scatter_(1, at::where(inside, ids, ids.narrow(1, 0, 1)), true);
}

Tensor Sampler::penalised(const Tensor& logits) const {
  const Tensor wide = logits.to(at::kFloat);
  if (!seen_.defined()) return wide;
  const Tensor lowered = at::where(wide > 0, wide / sampling_.repetition_penalty, wide * sampling_.repetition_penalty);
  return at::where(seen_, lowered, wide);
}

Tensor Sampler::draw(const Tensor& logits, const Tensor& step) const {
  Tensor x = (logits - logits.amax(1, true)) / sampling_.temperature;  // at most 0: a small T makes no infinity
  const int64_t vocabulary = x.size(1);
  if (sampling_.top_k > 0 && sampling_.top_k < vocabulary)
    x = only(x, x >= std::get<0>(x.topk(sampling_.top_k, 1)).narrow(1, sampling_.top_k - 1, 1));
  const auto [sorted, order] = x.sort(/*stable=*/true, 1, /*descending=*/true);
  Tensor p = sorted.to(at::kDouble).softmax(1);  // [R, V], the likeliest first
  // Each token stays whose likelier ones do not make up the share yet, so the first always does.
  if (sampling_.top_p < 1) p = p * (p.cumsum(1) - p < sampling_.top_p);
  if (sampling_.min_p > 0) p = p * (p >= p.narrow(1, 0, 1) * sampling_.min_p);
  const Tensor sums = p.cumsum(1);
  const Tensor at = uniform_.index_select(0, step).transpose(0, 1) * sums.narrow(1, vocabulary - 1, 1);  // [R, 1]
  const Tensor place = (sums <= at).sum(1, true).clamp_max(vocabulary - 1);  // the first sum beyond it
  return order.gather(1, place).squeeze(1);
}

Tensor Sampler::next(const Tensor& logits, const Tensor& step) {
  const Tensor x = seen_.defined() ? penalised(logits) : logits;
  const Tensor ids = sampling_.temperature > 0 ? draw(x.to(at::kFloat), step) : x.argmax(1);
  if (seen_.defined()) seen_.scatter_(1, ids.unsqueeze(1), true);
  return ids;
}

}  // namespace shorten::infer
