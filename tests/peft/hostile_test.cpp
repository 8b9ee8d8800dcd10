// SPDX-License-Identifier: Apache-2.0
// Adapters that must be refused, each a line in a table.
#include <memory>

#include "peft/sample.h"

namespace shorten::test {
namespace {

using enum ExitCode;

// A key of adapter_config.json with another value; a key that is not there yet is added.
HostileCase config_case(std::string name, std::string key, std::string value, ExitCode code,
                        std::vector<std::string> mentions) {
  mentions.insert(mentions.end(), {"adapter_config.json", key});
  return {std::move(name),
          [=](const fs::path& dir) {
            const fs::path file = write_sample(dir / "adapter") / "adapter_config.json";
            Json config = read_json(file);
            config[key] = Json::parse(value);
            write(file, config.dump());
          },
          code, std::move(mentions)};
}
HostileCase not_plain(std::string key, std::string value, std::vector<std::string> mentions = {}) {
  return config_case("has_" + key, key, std::move(value), kUnsupported, std::move(mentions));
}
HostileCase no_key(std::string key) {
  return {"no_" + key,
          [=](const fs::path& dir) {
            const fs::path file = write_sample(dir / "adapter") / "adapter_config.json";
            Json config = read_json(file);
            config.erase(key);
            write(file, config.dump());
          },
          kBadInput,
          {"adapter_config.json", key, "missing"}};
}

// The weights written anew after `change`.
HostileCase weights_case(std::string name, std::function<void(std::vector<Tensor>&)> change,
                         std::vector<std::string> mentions) {
  mentions.push_back("adapter_model.safetensors");
  return {std::move(name),
          [=](const fs::path& dir) {
            const fs::path file = write_sample(dir / "adapter") / "adapter_model.safetensors";
            fs::rename(file, dir / "old");
            const checkpoint::SafetensorsFile old(dir / "old");
            std::vector<Tensor> tensors = old.tensors();
            change(tensors);
            checkpoint::write_safetensors(file, tensors, {});
          },
          kBadInput, std::move(mentions)};
}

HostileCase file_case(std::string name, std::function<void(const fs::path& adapter)> change,
                      std::vector<std::string> mentions, ExitCode code = kBadInput) {
  return {std::move(name), [=](const fs::path& dir) { change(write_sample(dir / "adapter")); }, code,
          std::move(mentions)};
}

// The first value of a tensor replaced; the memory lives as long as the program.
template <typename Number>
void set_first(Tensor& tensor, Number bits, DType dtype) {
  static std::vector<std::unique_ptr<std::vector<Number>>> memory;
  auto& values = *memory.emplace_back(std::make_unique<std::vector<Number>>(tensor.numel(), Number{0}));
  values.back() = bits;
  tensor.dtype = dtype;
  tensor.bytes = std::as_bytes(std::span(values));
}

const std::vector<HostileCase> kAdapters = {
    config_case("another_type", "peft_type", "\"IA3\"", kUnsupported, {"LORA", "IA3"}),
    config_case("another_task", "task_type", "\"SEQ_CLS\"", kUnsupported, {"CAUSAL_LM", "SEQ_CLS"}),
    config_case("trained_biases", "bias", "\"lora_only\"", kUnsupported, {"lora_only", "none"}),
    config_case("pissa", "init_lora_weights", "\"pissa_niter_16\"", kUnsupported, {"pissa", "before training"}),
    config_case("expression_that_is_none", "target_modules", "\"(q_proj\"", kUnsupported, {"regular expression"}),
    config_case("expression_of_others", "target_modules", R"("\\Q.q_proj")", kUnsupported,
                {"regular expression", "\\Q"}),
    config_case("class_of_others", "target_modules", R"(".*[^[:digit:]]_proj")", kUnsupported, {"[:"}),
    config_case("repeat_without_a_minimum", "rank_pattern", R"({"q{,1}_proj": 2})", kUnsupported, {"{,"}),
    config_case("adapted_head", "target_modules", "[\"q_proj\", \"lm_head\"]", kUnsupported, {"lm_head", "down_proj"}),
    config_case("rank_of_text", "rank_pattern", "{\"q_proj\": \"4\"}", kBadInput, {"q_proj"}),
    config_case("alpha_of_nothing", "alpha_pattern", "{\"q_proj\": 0}", kBadInput, {"q_proj", "above 0"}),
    config_case("block_of_text", "layers_to_transform", "[\"0\"]", kBadInput, {"number of a block"}),
    config_case("module_of_no_block", "target_modules", "[\"layers.2.self_attn.q_proj\"]", kUnsupported,
                {"layers.2.self_attn.q_proj"}),
    not_plain("use_dora", "true", {"DoRA"}),
    not_plain("use_qalora", "true"),
    not_plain("use_bdlora", "{\"nblocks\": 2}"),
    not_plain("kasa_config", "{\"x\": 1}"),
    not_plain("monteclora_config", "{\"x\": 1}"),
    not_plain("arrow_config", "{\"top_k\": 3}"),
    not_plain("alora_invocation_tokens", "[1, 2]"),
    not_plain("megatron_config", "{\"x\": 1}"),
    not_plain("lora_bias", "true"),
    not_plain("fan_in_fan_out", "true"),
    not_plain("modules_to_save", "[\"lm_head\"]"),
    not_plain("trainable_token_indices", "[7]"),
    not_plain("target_parameters", "[\"x\"]"),
    not_plain("layer_replication", "[[0, 2]]"),
    no_key("peft_type"),
    no_key("r"),
    no_key("lora_alpha"),
    no_key("target_modules"),
    config_case("rank_0", "r", "0", kBadInput, {"1 to 4096", "0"}),
    config_case("rank_huge", "r", "4097", kBadInput, {"1 to 4096"}),
    config_case("rank_negative", "r", "-3", kBadInput, {"1 to 4096"}),
    config_case("rank_fraction", "r", "3.0", kBadInput, {"integer"}),
    config_case("rank_text", "r", "\"3\"", kBadInput, {"integer"}),
    config_case("alpha_0", "lora_alpha", "0", kBadInput, {"above 0"}),
    config_case("alpha_negative", "lora_alpha", "-1", kBadInput, {"above 0"}),
    config_case("alpha_text", "lora_alpha", "\"inf\"", kBadInput, {"finite"}),
    config_case("dropout_1", "lora_dropout", "1", kBadInput, {"below 1"}),
    config_case("rslora_text", "use_rslora", "\"yes\"", kBadInput, {"true or false"}),
    config_case("no_modules", "target_modules", "[]", kBadInput, {"no module"}),
    config_case("null_modules", "target_modules", "null", kBadInput, {"array"}),
    config_case("modules_of_numbers", "target_modules", "[1]", kBadInput, {"name"}),
    file_case("no_config", [](const fs::path& d) { fs::remove(d / "adapter_config.json"); },
              {"adapter_config.json", "missing"}),
    file_case("config_is_no_json", [](const fs::path& d) { write(d / "adapter_config.json", "peft_type: LORA\n"); },
              {"adapter_config.json", "not valid JSON"}),
    file_case("config_is_an_array", [](const fs::path& d) { write(d / "adapter_config.json", "[]"); },
              {"adapter_config.json", "object"}),
    file_case("config_is_cut", [](const fs::path& d) { fs::resize_file(d / "adapter_config.json", 50); },
              {"adapter_config.json", "not valid JSON"}),
    file_case("alpha_infinite",
              [](const fs::path& d) { edit(d / "adapter_config.json", "\"lora_alpha\": 6", "\"lora_alpha\": 1e999"); },
              {"adapter_config.json", "line", "overflow"}),
    file_case("rank_contradicts_the_shapes",
              [](const fs::path& d) { edit(d / "adapter_config.json", "\"r\": 3", "\"r\": 4"); },
              {"q_proj.lora_A.weight: expected [4, 4], found [3, 4]", "rank 4", "8 differences"}),
    file_case("other_modules_than_in_the_file",
              [](const fs::path& d) { edit(d / "adapter_config.json", "\"down_proj\"", "\"up_proj\""); },
              {"missing     base_model.model.model.layers.0.mlp.up_proj.lora_A.weight [3, 4]",
               "unexpected  base_model.model.model.layers.1.mlp.down_proj.lora_B.weight [4, 3]"}),
    file_case("no_weights", [](const fs::path& d) { fs::remove(d / "adapter_model.safetensors"); },
              {"adapter_model.safetensors", "missing"}),
    file_case("weights_are_a_link_to_elsewhere",
              [](const fs::path& d) {
                fs::rename(d / "adapter_model.safetensors", d / "../private");
                fs::create_symlink("../private", d / "adapter_model.safetensors");
              },
              {"adapter_model.safetensors", "link"}),
    file_case("weights_are_a_pickle",
              [](const fs::path& d) { fs::rename(d / "adapter_model.safetensors", d / "adapter_model.bin"); },
              {"adapter_model.bin, a pickle", "adapter_model.safetensors", "weights_only=True"}),
    file_case("weights_are_empty", [](const fs::path& d) { write(d / "adapter_model.safetensors", ""); },
              {"adapter_model.safetensors", "empty"}),
    file_case("weights_are_cut",
              [](const fs::path& d) {
                fs::resize_file(d / "adapter_model.safetensors", fs::file_size(d / "adapter_model.safetensors") - 4);
              },
              {"adapter_model.safetensors"}),
    file_case("another_base", [](const fs::path& d) { edit(d / "shorten.json", kBase, kOther); },
              {"shorten.json", "another model", kBase, kOther, "../shorter"}),
    file_case("record_of_something_else",
              [](const fs::path& d) { edit(d / "shorten.json", "shorten.adapter", "shorten.plan"); },
              {"shorten.json", "shorten.plan"}),
    file_case("record_is_damaged", [](const fs::path& d) { edit(d / "shorten.json", "sha256:a", "sha256:"); },
              {"shorten.json", "fingerprint"}),
    weights_case("a_tensor_is_missing", [](auto& tensors) { tensors.pop_back(); },
                 {"missing     base_model.model.model.layers.1.mlp.down_proj.lora_B.weight [4, 3]", "1 difference"}),
    weights_case("a_tensor_too_many",
                 [](auto& tensors) {
                   tensors.push_back(tensors.back());
                   tensors.back().name = "base_model.model.lm_head.lora_A.weight";
                 },
                 {"unexpected  base_model.model.lm_head.lora_A.weight"}),
    weights_case("a_block_too_many",
                 [](auto& tensors) {
                   tensors.push_back(tensors.back());
                   tensors.back().name = replaced(tensors.back().name, "layers.1", "layers.2");
                 },
                 {"unexpected", "layers.2", "each of 2 blocks"}),
    weights_case("a_tensor_under_both_names",
                 [](auto& tensors) {
                   tensors.push_back(tensors.back());
                   tensors.back().name = replaced(tensors.back().name, ".weight", ".default.weight");
                 },
                 {"unexpected", "lora_B.default.weight"}),
    weights_case("a_name_that_moves_the_cursor",
                 [](auto& tensors) {
                   tensors.push_back(tensors.back());
                   tensors.back().name = "x\x1b[2J";
                 },
                 {"tensor"}),
    weights_case("a_shape_turned",
                 [](auto& tensors) {
                   tensors[2].shape = {6, 3};
                 },
                 {"lora_A.weight: expected [3, 6], found [6, 3]"}),
    weights_case("a_shape_flat", [](auto& tensors) { tensors[1].shape = {12}; }, {"expected [4, 3], found [12]"}),
    weights_case("whole_numbers", [](auto& tensors) { tensors[1].dtype = DType::kI32; },
                 {"dtype", "F32, F16 or BF16, found I32"}),
    weights_case("nan", [](auto& tensors) { set_first<uint32_t>(tensors[0], 0x7FC00000, DType::kF32); },
                 {"not finite  base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight: value 11 of 12"}),
    weights_case("minus_infinity", [](auto& tensors) { set_first<uint32_t>(tensors[0], 0xFF800000, DType::kF32); },
                 {"not finite"}),
    weights_case("nan_of_f16", [](auto& tensors) { set_first<uint16_t>(tensors[3], 0x7C01, DType::kF16); },
                 {"not finite", "lora_B"}),
    weights_case("infinity_of_bf16", [](auto& tensors) { set_first<uint16_t>(tensors[3], 0x7F80, DType::kBF16); },
                 {"not finite", "lora_B"}),
};

class HostileAdapter : public testing::TestWithParam<HostileCase> {};
TEST_P(HostileAdapter, IsRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) { peft::open_adapter(dir / "adapter", base_spec(), kBase); });
}
INSTANTIATE_TEST_SUITE_P(File, HostileAdapter, testing::ValuesIn(kAdapters), HostileName());

}  // namespace
}  // namespace shorten::test
