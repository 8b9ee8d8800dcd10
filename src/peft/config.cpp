// SPDX-License-Identifier: Apache-2.0
// The keys are those of peft.LoraConfig (PEFT 0.21).
#include "peft/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/file_format.h"
#include "core/json_text.h"

namespace shorten::peft {
namespace {

constexpr double kMaxWholeNumber = 9007199254740992;  // 2^53: a larger alpha may not be one

// What makes more, or other things, of an adapter than B A beside some projections.
struct Extension {
  std::string_view key, what;
};
constexpr std::array kExtensions = {
    Extension{"use_dora", "DoRA"},
    Extension{"use_qalora", "QALoRA"},
    Extension{"use_bdlora", "block-diagonal LoRA"},
    Extension{"kasa_config", "KaSA"},
    Extension{"monteclora_config", "MonteCLoRA"},
    Extension{"arrow_config", "Arrow routing"},
    Extension{"alora_invocation_tokens", "activated LoRA"},
    Extension{"megatron_config", "layers of Megatron"},
    Extension{"lora_bias", "a bias behind B"},
    Extension{"fan_in_fan_out", "weights stored transposed"},
    Extension{"modules_to_save", "modules that are saved whole"},
    Extension{"trainable_token_indices", "trained embeddings of single tokens"},
    Extension{"target_parameters", "adapted parameters that are no modules"},
    Extension{"layer_replication", "blocks that are repeated"},
};

// Ways to begin that leave the weights of the base as they are. The others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) take
// something out of them, so that the adapter belongs to weights which no file holds.
constexpr std::array<std::string_view, 4> kInitialisations = {"gaussian", "eva", "orthogonal", "mica"};

Error not_plain(const JsonObject& config, std::string what, std::string_view key) {
  return unsupported(fmt::format("not plain LoRA: {}", what))
      .file(config.file())
      .where(fmt::format("key \"{}\"", key))
      .found(printable(config.at(key).dump(), 60));
}

void expect_plain_lora(const JsonObject& config) {
  if (config.string("peft_type") != "LORA")
    throw not_plain(config, "another kind of adapter", "peft_type").expected("\"LORA\"");
  if (config.has("task_type") && config.at("task_type") != "CAUSAL_LM")
    throw not_plain(config, "an adapter for another task", "task_type").expected("\"CAUSAL_LM\"");
  for (const Extension& extension : kExtensions) {
    if (!config.has(extension.key) || is_unused(config.at(extension.key))) continue;
    throw not_plain(config, std::string(extension.what), extension.key).expected("null, false or empty");
  }
  if (config.has("bias") && config.at("bias") != "none")
    throw not_plain(config, "biases were trained too", "bias").expected("\"none\"");
  if (!config.has("init_lora_weights") || config.at("init_lora_weights").is_boolean()) return;
  const Json& begin = config.at("init_lora_weights");
  if (begin.is_string() && std::find(kInitialisations.begin(), kInitialisations.end(),
                                     begin.get_ref<const std::string&>()) != kInitialisations.end())
    return;
  throw not_plain(config, "the weights of the base were changed before training", "init_lora_weights")
      .expected(fmt::format("true, false or one of: {}", fmt::join(kInitialisations, ", ")))
      .help("save it with PEFT's path_initial_model_for_weight_conversion, which makes a plain adapter of it");
}

}  // namespace

bool is_unused(const Json& value) {
  return value.is_null() || value == false || (value.is_structured() && value.empty()) || value == "";
}

PeftConfig read_peft_config(const fs::path& file, const family::ModelSpec& base) {
  const Json parsed = read_format(file);
  const JsonObject json(parsed, file);
  expect_plain_lora(json);
  PeftConfig out;
  AdapterConfig& config = out.common;
  config.rank = json.integer("r", 1, kMaxRank);
  config.alpha = json.number("lora_alpha");
  if (config.alpha <= 0) throw json.error("out of range", "lora_alpha").expected("a number above 0");
  config.dropout = json.number_or("lora_dropout", 0);
  if (config.dropout < 0 || config.dropout >= 1)
    throw json.error("out of range", "lora_dropout").expected("a number from 0 to below 1");
  config.rank_stabilised = json.boolean_or("use_rslora", false);
  out.parts = read_adapted_parts(json, base, config.rank, config.alpha);
  config.rank = 0;
  for (const AdaptedPart& part : out.parts) config.rank = std::max(config.rank, part.rank);
  for (const family::Module& module : family::linears_of(base.blocks.at(0))) {
    const auto is_it = [&](const AdaptedPart& part) { return part.module == module.name; };
    if (std::any_of(out.parts.begin(), out.parts.end(), is_it)) config.targets.push_back(module.target());
  }
  return out;
}

std::string peft_config_text(const AdapterConfig& config, const std::string& base) {
  // In PEFT the scale is alpha / r in Python, where an integer is as good; other readers want one.
  const bool whole = std::floor(config.alpha) == config.alpha && config.alpha < kMaxWholeNumber;
  return readable_json({{"peft_type", "LORA"},
                        {"task_type", "CAUSAL_LM"},
                        {"base_model_name_or_path", base},
                        {"revision", nullptr},
                        {"r", config.rank},
                        {"lora_alpha", whole ? Json(static_cast<int64_t>(config.alpha)) : Json(config.alpha)},
                        {"lora_dropout", config.dropout},
                        {"target_modules", config.targets},
                        {"use_rslora", config.rank_stabilised},
                        {"use_dora", false},
                        {"bias", "none"},
                        {"fan_in_fan_out", false},
                        {"init_lora_weights", true},
                        {"modules_to_save", nullptr},
                        {"layers_to_transform", nullptr},
                        {"layers_pattern", nullptr},
                        {"rank_pattern", Json::object()},
                        {"alpha_pattern", Json::object()},
                        {"inference_mode", true}});
}

}  // namespace shorten::peft
