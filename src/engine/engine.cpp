// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/system.h"
#include "core/units.h"
#include "engine/estimate.h"
#include "eval/likelihood.h"
#include "kernels/accelerator.h"
#include "model/device.h"
#include "model/loader.h"
#include "score/run.h"

namespace shorten {
namespace {

struct Place {
  at::Device device;
  at::ScalarType dtype;
};

// The device must be opened before anything else is asked of LibTorch.
Place open_place(const ComputeOptions& options, checkpoint::DType checkpoint) {
  const at::Device device = model::open_device(options.device);
  model::set_threads(options.threads);
  return {device, model::choose_dtype(options.dtype, device, checkpoint)};
}

ComputeUsed describe(const Place& place) {
  return {model::device_name(place.device), model::dtype_name(place.dtype), kernels::peak_device_memory(place.device)};
}

// Out of memory inside LibTorch is the user's problem to solve, not a fault of ours.
template <typename Function>
auto with_memory_errors(const Function& function) {
  const auto out_of_memory = [](const std::string& what) {
    return no_space("out of memory")
        .found(what)
        .help("use fewer samples, a shorter --length or --window, a smaller --batch-tokens, or --dtype bf16");
  };
  try {
    return function();
  } catch (const c10::OutOfMemoryError& e) {
    throw out_of_memory(e.what_without_backtrace());
  } catch (const c10::Error& e) {
    const std::string what = e.what_without_backtrace();
    if (what.find("can't allocate memory") == std::string::npos) throw;
    throw out_of_memory(what);
  }
}

// A checkpoint, or a shape without weights.
struct Opened {
  Opened(const fs::path& path, bool random_weights) {
    if (!random_weights) checkpoint.emplace(path);
    spec = checkpoint ? family::read_spec(*checkpoint) : family::read_spec(read_json(path), path);
  }
  model::CausalLm load(const Place& place, uint64_t seed) const {
    return checkpoint ? model::load(*checkpoint, place.device, place.dtype)
                      : model::random_model(spec, place.device, place.dtype, seed);
  }

  std::optional<checkpoint::Checkpoint> checkpoint;
  family::ModelSpec spec;
};

// [N, T] int64 on the device.
Tensor to_tensor(const std::vector<std::vector<text::TokenId>>& rows, const at::Device& device) {
  Tensor ids = at::empty({static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size())}, at::kLong);
  int64_t* out = ids.data_ptr<int64_t>();
  for (const auto& row : rows) {
    SHORTEN_CHECK(row.size() == rows[0].size(), "calibration rows of different lengths");
    out = std::copy(row.begin(), row.end(), out);
  }
  return ids.to(device);
}

ScoreResponse score_blocks(const ScoreRequest& request) {
  std::optional<Opened> opened(std::in_place, request.model, request.random_weights);
  const family::ModelSpec spec = opened->spec;
  const Place place = open_place(request.compute, spec.dtype);

  const uint64_t weights = family::count_parameters(spec).parameters * at::elementSize(place.dtype);
  const bool text = !request.rows.empty();
  const score::ScoreCost cost = score::estimate(spec, static_cast<int64_t>(request.rows.size()),
                                                text ? static_cast<int64_t>(request.rows[0].size()) : 0,
                                                at::elementSize(place.dtype), request.criteria);
  const uint64_t free = kernels::free_memory(place.device);
  const uint64_t fixed = weights + cost.kept_bytes;
  const uint64_t state_budget = (free > fixed ? free - fixed : 0) / 3;
  announce({"scoring", cost.flops, weights, cost.kept_bytes + std::min(cost.walk_bytes, state_budget)}, place.device,
           place.dtype, free);

  const model::CausalLm model = opened->load(place, request.seed);
  opened.reset();  // the file need not stay mapped
  const score::ScoreInput input{model, text ? to_tensor(request.rows, place.device) : Tensor(), request.seed};
  ScoreResponse response;
  for (int i = 0; i < request.repeat; ++i) {
    kernels::synchronize(place.device);
    const auto start = std::chrono::steady_clock::now();
    score::ScoreOutput output = score::run_criteria(input, request.criteria, state_budget);
    kernels::synchronize(place.device);
    response.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    response.baseline_perplexity = output.baseline_perplexity;
    response.criteria = std::move(output.criteria);
  }
  response.used = describe(place);
  return response;
}

// "auto" is nothing: as the model gives them.
std::optional<at::ScalarType> rounding(const std::string& name) {
  if (name == "auto") return std::nullopt;
  return name == "bf16" ? at::kBFloat16 : name == "fp16" ? at::kHalf : at::kFloat;
}

class LoadedModel : public LanguageModel {
 public:
  LoadedModel(model::CausalLm model, const Place& place) : model_(std::move(model)), place_(place) {}

  void likelihoods(const std::vector<Document>& documents, const LikelihoodSettings& settings,
                   const Sink& sink) const override {
    eval::LikelihoodOptions options{settings.batch_tokens, settings.share, rounding(settings.logits_dtype), {}};
    if (settings.softmax_dtype != "fp32") options.softmax = rounding(settings.softmax_dtype);
    with_memory_errors([&] { eval::score_documents(model_, documents, options, sink); });
  }
  ComputeUsed used() const override { return describe(place_); }

 private:
  model::CausalLm model_;
  Place place_;
};

std::unique_ptr<LanguageModel> open_model(const OpenRequest& request) {
  const Opened opened(request.model, request.random_weights);
  const Place place = open_place(request.compute, opened.spec.dtype);
  const family::Counts counts = family::count_parameters(opened.spec);
  const double flops =
      2 * request.tokens *
      static_cast<double>(counts.block_parameters + static_cast<uint64_t>(opened.spec.vocabulary * opened.spec.hidden));
  announce({"evaluating", flops, counts.parameters * at::elementSize(place.dtype), 0}, place.device, place.dtype,
           kernels::free_memory(place.device));
  return std::make_unique<LoadedModel>(opened.load(place, request.seed), place);
}

}  // namespace
}  // namespace shorten

extern "C" const shorten::Engine* shorten_engine() {
  using namespace shorten;
  static constexpr Engine kEngine = {
      [](const ScoreRequest& request) { return with_memory_errors([&] { return score_blocks(request); }); },
      [](const OpenRequest& request) { return with_memory_errors([&] { return open_model(request); }); },
      [](const fs::path& model, const ComputeOptions& compute) {
        return describe(open_place(compute, Opened(model, false).spec.dtype));
      },
  };
  return &kEngine;
}
