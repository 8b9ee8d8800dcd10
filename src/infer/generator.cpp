// SPDX-License-Identifier: Apache-2.0
#include "infer/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "core/error.h"

namespace shorten::infer {

Generator::Generator(const model::CausalLm& model, const Sampling& sampling, int64_t rows, int64_t prompt,
                     int64_t steps)
    : model_(model),
      sampler_(sampling, rows, steps + 1, model.spec.vocabulary, model.device()),
      state_(model::make_decode_state(model, rows, prompt + steps)) {
  const auto integers = at::TensorOptions(model.device()).dtype(at::kLong);
  current_ = at::zeros({rows}, integers);
  lengths_ = at::zeros({rows}, integers);
  out_ = at::zeros({steps + 1, rows}, integers);  // capturing tries two steps, though one may be all that is wanted
  step_ = at::zeros({1}, integers);
  finite_ = at::ones({}, at::TensorOptions(model.device()).dtype(at::kBool));
}

void Generator::choose(const Tensor& hidden) {
  const Tensor logits = model::step_head(model_, hidden);  // [R, V]
  // The sum of a row is no number if any of its logits is none.
  finite_.logical_and_(logits.sum(1, false, at::kFloat).isfinite().all());
  current_.copy_(sampler_.next(logits, step_));
  out_.index_copy_(0, step_, current_.unsqueeze(0));
  step_.add_(1);
}

void Generator::step() { choose(model::step(model_, state_, current_)); }

void Generator::start(const std::vector<Ids>& prompts) {
  const at::NoGradGuard no_gradients;
  const auto rows = static_cast<int64_t>(prompts.size());
  SHORTEN_CHECK(rows == current_.size(0), "not a prompt a row");
  size_t longest = 0;
  for (const Ids& prompt : prompts) {
    SHORTEN_CHECK(!prompt.empty(), "an empty prompt");
    longest = std::max(longest, prompt.size());
  }
  Tensor ids = at::zeros({rows, static_cast<int64_t>(longest)}, at::kLong), lengths = at::empty({rows}, at::kLong);
  for (int64_t r = 0; r < rows; ++r) {
    const Ids& prompt = prompts[static_cast<size_t>(r)];
    std::copy(prompt.begin(), prompt.end(), ids.data_ptr<int64_t>() + r * ids.size(1));
    lengths.data_ptr<int64_t>()[r] = static_cast<int64_t>(prompt.size());
  }
  prompts_ = ids.to(model_.device());
  lengths_.copy_(lengths);
  step_.zero_();
  finite_.fill_(true);
  sampler_.start(prompts_, lengths_);
  choose(model::prefill(model_, state_, prompts_, lengths_));
  made_ = 1;
}

void Generator::capture() {
  // What a step changes is put back after the trials; what it writes into the caches it writes again.
  std::vector<Tensor> changed = {state_.position, current_, out_, step_, finite_};
  if (sampler_.seen().defined()) changed.push_back(sampler_.seen());
  std::vector<Tensor> saved;
  for (const Tensor& tensor : changed) saved.push_back(tensor.clone());
  graph_ = kernels::capture(model_.device(), [this] { step(); });
  for (size_t i = 0; i < changed.size(); ++i) changed[i].copy_(saved[i]);
}

void Generator::advance(int64_t count) {
  const at::NoGradGuard no_gradients;
  SHORTEN_CHECK(made_ > 0 && made_ + count < out_.size(0), "more tokens than there is room for");
  if (!model_.device().is_cpu() && !graph_ && count > 0) capture();
  for (int64_t i = 0; i < count; ++i) {
    if (graph_) {
      graph_->replay();
    } else {
      step();
    }
  }
  made_ += count;
}

std::vector<Ids> Generator::tokens() const {
  const Tensor made = out_.narrow(0, 0, made_).transpose(0, 1).to(at::kCPU).contiguous();  // [R, made]
  if (!finite_.item<bool>()) find_divergence();
  std::vector<Ids> out;
  for (int64_t r = 0; r < made.size(0); ++r) {
    const int64_t* row = made.const_data_ptr<int64_t>() + r * made_;
    out.emplace_back(row, row + made_);
  }
  return out;
}

// Goes over everything again, plainly, to name the place.
void Generator::find_divergence() const {
  const at::NoGradGuard no_gradients;
  const std::string where = [&]() -> std::string {
    for (int64_t r = 0; r < prompts_.size(0); ++r) {
      const Tensor ids =
          at::cat({prompts_[r].narrow(0, 0, lengths_[r].item<int64_t>()), out_.narrow(0, 0, made_).select(1, r)});
      const model::Context context = model_.context(ids.size(0));
      Tensor hidden = model_.embed(ids.unsqueeze(0));
      if (!hidden.isfinite().all().item<bool>()) return "the embedding";
      for (const model::BlockLease& block : model_.blocks.forward()) {
        hidden = block->forward(hidden, context);
        if (!hidden.isfinite().all().item<bool>()) return fmt::format("block {}", block.index());
      }
    }
    return "the head";
  }();
  throw diverged("the model computes NaN or infinity")
      .where(where)
      .expected("finite logits")
      .help(model_.embedding.scalar_type() == at::kFloat ? "the weights themselves are too large, or damaged"
                                                         : "use `dtype` fp32: half precision overflows in some models");
}

}  // namespace shorten::infer
