// SPDX-License-Identifier: Apache-2.0
// A loaded model behind the torch-free face of engine.h.
#pragma once

#include <c10/util/Exception.h>

#include <memory>

#include "engine/engine.h"
#include "model/causal_lm.h"

namespace shorten::engine {

struct Place {
  at::Device device;
  at::ScalarType dtype;
};
ComputeUsed describe(const Place& place);

// The device must be opened before anything else is asked of LibTorch.
Place open_place(const ComputeOptions& options, checkpoint::DType checkpoint);

std::unique_ptr<LanguageModel> make_language_model(model::CausalLm model, const Place& place);

// Calls `function`. Out of memory inside LibTorch is the user's problem to solve, not a fault of ours: no_space.
Error out_of_memory(const std::string& what);
template <typename Function>
auto with_memory_errors(const Function& function) {
  try {
    return function();
  } catch (const c10::OutOfMemoryError& e) {
    throw out_of_memory(e.what_without_backtrace());
  } catch (const c10::Error& e) {
    const std::string what = e.what_without_backtrace();
    for (const char* known : {"can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED"}) {
      if (what.find(known) != std::string::npos) throw out_of_memory(what);
    }
    throw;
  }
}

}  // namespace shorten::engine
