// SPDX-License-Identifier: Apache-2.0
// The keys are those of peft.LoraConfig (PEFT 0.21).
#include "plan/peft_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "core/json_text.h"
#include "plan/file_format.h"

namespace shorten::plan {
namespace {

constexpr int64_t kMaxRank = 4096;
constexpr double kMaxWholeNumber = 9007199254740992;  // 2^53: a larger alpha may not be one

// What makes more, or other things, of an adapter than B A beside some projections in every block.
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
    Extension{"exclude_modules", "modules that are left out"},
    Extension{"rank_pattern", "ranks that differ between modules"},
    Extension{"alpha_pattern", "alphas that differ between modules"},
    Extension{"layers_to_transform", "an adapter of some blocks only"},
    Extension{"layers_pattern", "an adapter of some blocks only"},
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

// As PEFT writes what is not used.
bool is_unused(const Json& value) {
  return value.is_null() || value == false || (value.is_structured() && value.empty()) || value == "";
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

// PEFT means every module whose path is an entry or ends with one: "q_proj", or "model.layers.0.self_attn.q_proj".
std::vector<std::string> read_targets(const JsonObject& config, const family::ModelSpec& base) {
  constexpr char kKey[] = "target_modules";
  const std::vector<AdaptedModule> modules = adaptable_modules(base.blocks.at(0), base.hidden);
  std::vector<std::string> all;
  for (const AdaptedModule& module : modules) all.push_back(module.name.substr(module.name.rfind('.') + 1));
  const std::string known = fmt::format("{}", fmt::join(all, ", "));
  const Json& value = config.at(kKey);
  if (value == "all-linear") return all;
  if (value.is_string()) {
    throw not_plain(config, "modules named by a regular expression", kKey)
        .expected(fmt::format("\"all-linear\", or a list of some of: {}", known));
  }
  const size_t blocks = base.blocks.size();
  std::map<std::string, std::vector<size_t>> places;  // an end of a path → block + blocks · module of all that have it
  for (size_t place = 0; place < blocks * modules.size(); ++place) {
    const std::string path = family::block_prefix(static_cast<int64_t>(place % blocks)) + modules[place / blocks].name;
    places[path].push_back(place);
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
      places[path.substr(dot + 1)].push_back(place);
  }
  std::set<size_t> adapted;
  for (const Json& entry : config.array(kKey)) {
    if (!entry.is_string()) throw config.error("an entry is not the name of a module", kKey);
    const auto& name = entry.get_ref<const std::string&>();
    const auto found = places.find(name);
    if (found == places.end())
      throw unsupported("a module that cannot be adapted here")
          .file(config.file())
          .where(fmt::format("key \"{}\"", kKey))
          .expected("some of: " + known)
          .found(printable(name, 60));
    adapted.insert(found->second.begin(), found->second.end());
    found->second.clear();  // named again, there is nothing to add
  }
  std::vector<std::string> targets;
  for (size_t m = 0; m < modules.size(); ++m) {
    const auto count =
        static_cast<size_t>(std::distance(adapted.lower_bound(m * blocks), adapted.lower_bound((m + 1) * blocks)));
    if (count == 0) continue;
    if (count < blocks) throw not_plain(config, fmt::format("{} is adapted in some blocks only", all[m]), kKey);
    targets.push_back(all[m]);
  }
  if (targets.empty()) throw config.error("no module is adapted", kKey).expected("some of: " + known);
  return targets;
}

}  // namespace

AdapterConfig read_peft_config(const fs::path& file, const family::ModelSpec& base) {
  const Json parsed = read_format(file);
  const JsonObject json(parsed, file);
  expect_plain_lora(json);
  AdapterConfig config;
  config.rank = json.integer("r", 1, kMaxRank);
  config.alpha = json.number("lora_alpha");
  if (config.alpha <= 0) throw json.error("out of range", "lora_alpha").expected("a number above 0");
  config.dropout = json.number_or("lora_dropout", 0);
  if (config.dropout < 0 || config.dropout >= 1)
    throw json.error("out of range", "lora_dropout").expected("a number from 0 to below 1");
  config.rank_stabilised = json.boolean_or("use_rslora", false);
  config.targets = read_targets(json, base);
  return config;
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

}  // namespace shorten::plan
