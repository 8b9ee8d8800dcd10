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
#include "eval/perplexity.h"
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
  std::optional<checkpoint::Checkpoint> checkpoint;
  if (!request.random_weights) checkpoint.emplace(request.model);
  const family::ModelSpec spec =
      checkpoint ? family::read_spec(*checkpoint) : family::read_spec(read_json(request.model), request.model);
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

  const model::CausalLm model = checkpoint ? model::load(*checkpoint, place.device, place.dtype)
                                           : model::random_model(spec, place.device, place.dtype, request.seed);
  checkpoint.reset();
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

LogprobResponse text_logprobs(const LogprobRequest& request) {
  const checkpoint::Checkpoint checkpoint(request.model);
  const family::ModelSpec spec = family::read_spec(checkpoint);
  const Place place = open_place(request.compute, spec.dtype);
  const family::Counts counts = family::count_parameters(spec);
  int64_t windows = 0;
  double tokens = 0;
  for (const auto& text : request.texts) {
    windows += static_cast<int64_t>(text.size());
    for (const text::Window& w : text) tokens += static_cast<double>(w.ids.size());
  }
  const double flops =
      2 * tokens * static_cast<double>(counts.block_parameters + static_cast<uint64_t>(spec.vocabulary * spec.hidden));
  announce({"evaluating", flops, counts.parameters * at::elementSize(place.dtype), 0}, place.device, place.dtype,
           kernels::free_memory(place.device));

  const model::CausalLm model = model::load(checkpoint, place.device, place.dtype);
  LogprobResponse response;
  Progress progress("evaluating " + printable(request.model.filename().string(), 20), windows, "windows");
  for (const auto& text : request.texts) {
    response.texts.push_back(eval::window_logprobs(model, text, [&](int64_t n) { progress.advance(n); }));
  }
  response.used = describe(place);
  return response;
}

// Out of memory inside LibTorch is the user's problem to solve, not a fault of ours.
template <auto Function, typename Request>
auto guarded(const Request& request) {
  try {
    return Function(request);
  } catch (const c10::OutOfMemoryError& e) {
    throw no_space("out of memory on the device")
        .found(e.what_without_backtrace())
        .help("use fewer samples, a shorter --length or --window, or --dtype bf16");
  } catch (const c10::Error& e) {
    const std::string what = e.what_without_backtrace();
    if (what.find("can't allocate memory") == std::string::npos) throw;
    throw no_space("out of memory")
        .found(what)
        .help("use fewer samples, a shorter --length or --window, or --dtype bf16");
  }
}

}  // namespace
}  // namespace shorten

extern "C" const shorten::Engine* shorten_engine() {
  using namespace shorten;
  static constexpr Engine kEngine = {
      guarded<score_blocks, ScoreRequest>,
      guarded<text_logprobs, LogprobRequest>,
  };
  return &kEngine;
}
