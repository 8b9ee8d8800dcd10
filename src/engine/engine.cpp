// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/system.h"
#include "core/units.h"
#include "engine/estimate.h"
#include "engine/evaluator.h"
#include "engine/heal.h"
#include "engine/language_model.h"
#include "kernels/accelerator.h"
#include "model/decode.h"
#include "model/device.h"
#include "model/loader.h"
#include "score/run.h"
#include "shorten_build_id.h"

namespace shorten::engine {
namespace {

model::CausalLm load(const ModelSource& source, const Place& place, uint64_t seed) {
  return source.files ? model::load(source.files->files(), source.spec, place.device, place.dtype)
                      : model::random_model(source.spec, place.device, place.dtype, seed);
}

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
  const family::ModelSpec& spec = request.model.spec;
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

  const model::CausalLm model = load(request.model, place, request.seed);
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

// The best of some copies: a device that has just woken up is slow.
double copy_bandwidth(const at::Device& device) {
  const int64_t most = device.is_cpu() ? int64_t{512} << 20 : int64_t{4} << 30;
  const int64_t bytes = std::min(most, static_cast<int64_t>(kernels::free_memory(device) / 4));
  const Tensor from = at::zeros({bytes}, at::TensorOptions(device).dtype(at::kByte));
  Tensor to = at::empty_like(from);
  double best = 0;
  for (int i = 0; i < 6; ++i) {
    kernels::synchronize(device);
    const auto start = std::chrono::steady_clock::now();
    to.copy_(from);
    kernels::synchronize(device);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2 * static_cast<double>(bytes) / seconds);
  }
  return best;
}

std::unique_ptr<LanguageModel> open_model(const LoadRequest& request) {
  const family::ModelSpec& spec = request.model.spec;
  const Place place = open_place(request.compute, spec.dtype);
  const family::Counts counts = family::count_parameters(spec);
  const double flops =
      2 * request.tokens *
      static_cast<double>(counts.block_parameters + static_cast<uint64_t>(spec.vocabulary * spec.hidden));
  const auto element = static_cast<int64_t>(at::elementSize(place.dtype));
  const GenerationShape& shape = request.generation;
  const uint64_t state =
      shape.prompt > 0 ? model::decode_bytes(spec, element, shape.rows, shape.prompt, shape.new_tokens, shape.draws)
                       : 0;
  announce(
      {shape.prompt > 0 ? "generating" : "evaluating", flops, counts.parameters * at::elementSize(place.dtype), state},
      place.device, place.dtype, kernels::free_memory(place.device));
  return make_language_model(load(request.model, place, request.seed), place);
}

std::unique_ptr<Evaluator> open_evaluator(const EvaluatorRequest& request) {
  SHORTEN_CHECK(!request.rows.empty() && request.rows[0].size() > 1, "nothing to evaluate on");
  const Place place = open_place(request.compute, request.model.spec.dtype);
  model::CausalLm model = load(request.model, place, request.seed);
  Tensor ids = to_tensor(request.rows, place.device);
  return make_evaluator(std::move(model), std::move(ids), place, request);
}

}  // namespace

Place open_place(const ComputeOptions& options, checkpoint::DType checkpoint) {
  const at::Device device = model::open_device(options.device);
  model::set_threads(options.threads);
  return {device, model::choose_dtype(options.dtype, device, checkpoint)};
}

}  // namespace shorten::engine

extern "C" const shorten::engine::Table* shorten_engine() {
  using namespace shorten;
  using namespace shorten::engine;
  static constexpr Table kTable = {
      SHORTEN_BUILD_ID,
      [](const ScoreRequest& request) { return with_memory_errors([&] { return score_blocks(request); }); },
      [](const LoadRequest& request) { return with_memory_errors([&] { return open_model(request); }); },
      [](const EvaluatorRequest& request) { return with_memory_errors([&] { return open_evaluator(request); }); },
      [](const family::ModelSpec& model, const ComputeOptions& compute) {
        return describe(open_place(compute, model.dtype));
      },
      [](const ComputeOptions& compute) {
        const at::Device device = open_place(compute, checkpoint::DType::kF32).device;
        const double best = with_memory_errors([&] { return copy_bandwidth(device); });
        kernels::reset_peak_device_memory(device);
        ::malloc_trim(0);  // the program keeps freed memory; these blocks are larger than most models' layers
        return best;
      },
      [](const HealRequest& request, const recipe::Hooks& hooks) {
        return with_memory_errors([&] { return heal(request, hooks); });
      },
  };
  return &kTable;
}
