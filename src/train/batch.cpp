// SPDX-License-Identifier: Apache-2.0
#include "train/batch.h"

#include <algorithm>

namespace shorten::train {

Batch make_batch(const model::CausalLm& model, const std::vector<data::Example>& examples,
                 const data::MicroBatch& layout, const model::CausalLm* teacher) {
  const auto n = static_cast<int64_t>(layout.rows.size()), width = layout.width;
  const Tensor ids = at::zeros({n, width}, at::kLong), depth = at::zeros_like(ids),
               places = at::zeros({n * width}, at::kLong);
  // What pads a row sees only itself.
  Tensor end = at::arange(1, width + 1, at::kLong).expand({n, width}).contiguous();
  std::vector<int64_t> predicting, targets;
  bool shared = false;  // a row with several examples
  for (int64_t r = 0; r < n; ++r) {
    const data::Row& row = layout.rows[static_cast<size_t>(r)];
    shared = shared || row.examples.size() > 1;
    int64_t at = r * width;
    for (const size_t e : row.examples) {
      const data::Example& example = examples[e];
      const auto length = static_cast<int64_t>(example.ids.size());
      for (int64_t p = 0; p < length; ++p) {
        ids.data_ptr<int64_t>()[at + p] = example.ids[static_cast<size_t>(p)];
        depth.data_ptr<int64_t>()[at + p] = p;
        places.data_ptr<int64_t>()[at + p] = (static_cast<int64_t>(e) << 32) | p;
        end.data_ptr<int64_t>()[at + p] = at + length - r * width;
        const data::TokenId label = example.labels[static_cast<size_t>(p)];
        if (p == 0 || label == data::kIgnored) continue;
        predicting.push_back(at + p - 1);
        targets.push_back(label);
      }
      at += length;
    }
  }
  const at::Device device = model.device();
  Batch batch;
  batch.ids = ids.to(device);
  const model::TreeRows trees = shared ? model::TreeRows{depth.to(device), end.to(device)} : model::TreeRows{};
  const auto context = [&](const model::CausalLm& m) { return shared ? m.context(trees) : m.context(width); };
  batch.context = context(model);
  if (teacher) batch.teacher = context(*teacher);
  batch.predicting = at::tensor(predicting, at::kLong).to(device);
  batch.targets = at::tensor(targets, at::kLong).to(device);
  batch.places = places.to(device);
  return batch;
}

}  // namespace shorten::train
