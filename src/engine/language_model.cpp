// SPDX-License-Identifier: Apache-2.0
#include "engine/language_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/units.h"
#include "infer/generator.h"
#include "infer/likelihood.h"
#include "kernels/accelerator.h"
#include "model/device.h"

namespace shorten::engine {
namespace {

// "auto" is nothing: as the model gives them.
std::optional<at::ScalarType> rounding(const std::string& name) {
  if (name == "auto") return std::nullopt;
  return name == "bf16" ? at::kBFloat16 : name == "fp16" ? at::kHalf : at::kFloat;
}

class LoadedContinuation : public Continuation {
 public:
  LoadedContinuation(const model::CausalLm& model, const GenerationShape& shape, const infer::Sampling& sampling)
      : device_(model.device()), generator_(model, sampling, shape.rows, shape.prompt, shape.new_tokens) {}

  void start(const std::vector<std::vector<text::TokenId>>& prompts) override {
    with_memory_errors([&] { generator_.start(prompts); });
  }
  void advance(int64_t tokens) override {
    with_memory_errors([&] { generator_.advance(tokens); });
  }
  void wait() const override { kernels::synchronize(device_); }
  std::vector<std::vector<text::TokenId>> tokens() const override {
    return with_memory_errors([&] { return generator_.tokens(); });
  }

 private:
  at::Device device_;
  infer::Generator generator_;
};

class LoadedModel : public LanguageModel {
 public:
  LoadedModel(model::CausalLm model, const Place& place) : model_(std::move(model)), place_(place) {}

  void likelihoods(const std::vector<Document>& documents, const LikelihoodSettings& settings,
                   const Sink& sink) const override {
    infer::LikelihoodOptions options{settings.batch_tokens, settings.share, rounding(settings.logits_dtype), {}};
    if (settings.softmax_dtype != "fp32") options.softmax = rounding(settings.softmax_dtype);
    with_memory_errors([&] { infer::score_documents(model_, documents, options, sink); });
  }

  std::unique_ptr<Continuation> continuation(const GenerationShape& shape, const SamplingSettings& s) const override {
    const int64_t tokens = shape.prompt + shape.new_tokens;
    const uint64_t needed = model::decode_bytes(model_.spec, static_cast<int64_t>(model_.embedding.element_size()),
                                                shape.rows, shape.prompt, shape.new_tokens, s.temperature > 0);
    const uint64_t free = kernels::free_memory(model_.device());
    if (needed > free) {
      throw no_space("the batch does not fit into memory")
          .expected(fmt::format("{} for the keys, values and states of {} sequences of {} tokens", human_bytes(needed),
                                shape.rows, tokens))
          .found(fmt::format("{} free", human_bytes(free)))
          .help("use a smaller batch, fewer tokens, or `dtype` bf16");
    }
    kernels::reset_peak_device_memory(model_.device());
    const infer::Sampling sampling{s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.seed};
    return with_memory_errors([&] { return std::make_unique<LoadedContinuation>(model_, shape, sampling); });
  }

  uint64_t bytes_read(int64_t rows, double tokens) const override {
    const uint64_t head = model_.lm_head.weight.bytes();
    double cache = 0;
    for (size_t i = 0; i < model_.blocks.size(); ++i) {
      const family::BlockSpec& s = model_.blocks.spec(i);
      const double seen = s.window ? std::min(tokens, static_cast<double>(*s.window)) : tokens;
      cache += seen * static_cast<double>(rows * 2 * s.kv_heads * s.head_dim * model_.embedding.element_size());
    }
    return family::count_parameters(model_.spec).block_parameters * model_.embedding.element_size() + head +
           static_cast<uint64_t>(cache);
  }
  uint64_t weight_bytes() const override {
    return family::count_parameters(model_.spec).parameters * model_.embedding.element_size();
  }
  ComputeUsed used() const override { return describe(place_); }

 private:
  model::CausalLm model_;
  Place place_;
};

}  // namespace

ComputeUsed describe(const Place& place) {
  return {model::device_name(place.device), model::dtype_name(place.dtype), kernels::peak_device_memory(place.device)};
}

Error out_of_memory(const std::string& what) {
  return no_space("out of memory")
      .found(what)
      .help("use less at a time (`samples`, `length`, `window`, `batch_tokens`, `batch`), or `dtype` bf16");
}

std::unique_ptr<LanguageModel> make_language_model(model::CausalLm model, const Place& place) {
  return std::make_unique<LoadedModel>(std::move(model), place);
}

}  // namespace shorten::engine
