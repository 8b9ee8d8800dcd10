// SPDX-License-Identifier: Apache-2.0
// What a training run is told. docs/healing.md says what each value means; nothing here needs LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"

namespace shorten::recipe {

enum class Method { kLora, kFull };
enum class Objective { kCe, kKd };
enum class Curve { kLinear, kCosine, kConstant };
enum class Recompute { kAuto, kOn, kOff };

struct Settings {
  Method method = Method::kLora;
  Objective objective = Objective::kCe;
  double kd_weight = 1, temperature = 1, hidden_weight = 0;

  int64_t rank = 8;
  double alpha = 16, dropout = 0.05;
  bool rank_stabilised = false;
  std::vector<std::string> targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

  double lr = 1e-4, min_lr_ratio = 0;
  Curve schedule = Curve::kLinear;
  int64_t warmup = 100, steps = 0;
  double beta1 = 0.9, beta2 = 0.999, weight_decay = 0, clip = 1;

  int64_t batch = 64, micro_batch = 0, length = 256;  // micro_batch 0: as memory allows
  bool average_micro = false, shuffle = true, pack = true;
  Recompute recompute = Recompute::kAuto;
  uint64_t max_memory = 0;  // bytes; 0: what is free

  int64_t eval_every = 100, save_every = 100;
  int64_t patience = 0;    // validations without a better loss until the run stops; 0: it does not
  bool keep_best = false;  // the weights of the best validation are what comes out
  uint64_t seed = 1234;
};

// The defaults of a method, which are those of Settings but for a few.
Settings defaults(Method method);

Json to_json(const Settings& settings);

// What a version of this program saved. A key that versions before it did not know has the value that they behaved by;
// keys that are not known here are passed over. Throws bad_input that names the key.
Settings settings_from_json(const JsonObject& json);

// Throws usage_error naming the field if a value makes no sense. The settings are complete: `steps` is known.
void check_settings(const Settings& settings);

// Half precision without loss scaling loses small gradients: usage_error for fp16.
void check_training_dtype(const std::string& dtype);

// The learning rate of step `step`, counted from 0, as Transformers' schedules give it.
double learning_rate(const Settings& settings, int64_t step);

}  // namespace shorten::recipe
