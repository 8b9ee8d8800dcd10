// SPDX-License-Identifier: Apache-2.0
// A loaded model and its calibration rows behind the torch-free face of engine.h.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "engine/language_model.h"

namespace shorten::engine {

// `ids` [N, T] int64 on the model's device.
std::unique_ptr<Evaluator> make_evaluator(model::CausalLm model, Tensor ids, const Place& place,
                                          const EvaluatorRequest& request);

}  // namespace shorten::engine
