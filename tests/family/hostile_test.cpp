// SPDX-License-Identifier: Apache-2.0
// Configurations that contradict themselves, their tensors, or what this version knows.
#include "hostile.h"

#include "family/spec.h"

namespace shorten::family {
namespace {

using test::edit;
using test::HostileCase;

// Replaces a piece of the tiny model's config.json.
auto config(std::string from, std::string to) {
  return [=](const fs::path& dir) { edit(dir / "model" / "config.json", from, to); };
}
auto config_with(std::string member) { return config("\"hidden_size\"", member + ",\n  \"hidden_size\""); }

const std::vector<HostileCase> kCases = {
    {"unknown_family",
     config("\"llama\"", "\"gpt_bigcode\""),
     ExitCode::kUnsupported,
     {"config.json", "model_type", "llama, mistral, qwen2, qwen3", "gpt_bigcode"}},
    {"family_missing", config("\"model_type\"", "\"model_kind\""), ExitCode::kBadInput, {"config.json", "model_type"}},
    {"family_with_escapes", config("\"llama\"", "\"ll\\u001b[31mama\""), ExitCode::kUnsupported, {"\\x1b[31m"}},
    {"unknown_rope",
     config_with(R"("rope_scaling": {"rope_type": "mrope", "factor": 2})"),
     ExitCode::kUnsupported,
     {"rope_type", "mrope", "yarn"}},
    {"rope_without_factor",
     config_with(R"("rope_scaling": {"rope_type": "linear"})"),
     ExitCode::kBadInput,
     {"rope_scaling", "factor"}},
    {"rope_factor_zero",
     config_with(R"("rope_scaling": {"rope_type": "linear", "factor": 0})"),
     ExitCode::kBadInput,
     {"factor"}},
    {"rope_factor_text",
     config_with(R"("rope_scaling": {"rope_type": "linear", "factor": "two"})"),
     ExitCode::kBadInput,
     {"factor", "two"}},
    {"rope_is_a_list", config_with(R"("rope_parameters": [1])"), ExitCode::kBadInput, {"rope_parameters"}},
    {"longrope_of_wrong_length",
     config_with(R"("rope_scaling": {"rope_type": "longrope", "short_factor": [1, 1, 1], "long_factor": [1]})"),
     ExitCode::kBadInput,
     {"short_factor", "1 numbers", "3 numbers"}},
    {"rope_for_each_kind",
     config_with(R"("rope_parameters": {"full_attention": {"rope_type": "default"}})"),
     ExitCode::kUnsupported,
     {"full_attention"}},
    {"rope_of_a_part",
     config_with(R"("rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5})"),
     ExitCode::kUnsupported,
     {"partial_rotary_factor"}},
    {"quantised",
     config_with(R"("quantization_config": {"bits": 4})"),
     ExitCode::kUnsupported,
     {"quantization_config"}},
    {"gelu", config_with(R"("hidden_act": "gelu")"), ExitCode::kUnsupported, {"hidden_act", "gelu"}},
    {"dtype_float64", config_with(R"("torch_dtype": "float64")"), ExitCode::kUnsupported, {"torch_dtype", "float64"}},
    {"per_layer_config", config_with(R"("per_layer_config": {"0": {}})"), ExitCode::kUnsupported, {"per_layer_config"}},
    {"hidden_differs",
     config("\"hidden_size\": 4", "\"hidden_size\": 8"),
     ExitCode::kBadInput,
     {"model.embed_tokens.weight", "[8, 8]", "[8, 4]"}},
    {"hidden_zero", config("\"hidden_size\": 4", "\"hidden_size\": 0"), ExitCode::kBadInput, {"hidden_size"}},
    {"hidden_negative", config("\"hidden_size\": 4", "\"hidden_size\": -4"), ExitCode::kBadInput, {"hidden_size"}},
    {"hidden_fraction",
     config("\"hidden_size\": 4", "\"hidden_size\": 4.5"),
     ExitCode::kBadInput,
     {"hidden_size", "4.5"}},
    {"hidden_huge",
     config("\"hidden_size\": 4", "\"hidden_size\": 99999999999999999999"),
     ExitCode::kBadInput,
     {"hidden_size"}},
    {"heads_do_not_divide",
     config("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3"),
     ExitCode::kBadInput,
     {"num_key_value_heads"}},
    {"hidden_not_of_heads",
     config("\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
     ExitCode::kBadInput,
     {"hidden_size", "head_dim"}},
    {"head_size_odd", config_with(R"("head_dim": 3)"), ExitCode::kBadInput, {"head_dim 3"}},
    {"more_blocks_than_tensors",
     config("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5"),
     ExitCode::kBadInput,
     {"missing", "model.layers.4."}},
    {"fewer_blocks_than_tensors",
     config("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3"),
     ExitCode::kBadInput,
     {"unexpected", "model.layers.3."}},
    {"blocks_beyond_all_bounds",
     config("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 2000000000"),
     ExitCode::kBadInput,
     {"num_hidden_layers"}},
    {"vocabulary_differs",
     config("\"vocab_size\": 8", "\"vocab_size\": 9"),
     ExitCode::kBadInput,
     {"lm_head.weight", "[9, 4]"}},
    {"eps_negative", config("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": -1"), ExitCode::kBadInput, {"rms_norm_eps"}},
    {"tied_but_different",
     config("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"),
     ExitCode::kBadInput,
     {"lm_head.weight", "tie_word_embeddings"}},
    {"tied_without_embedding_and_head",  // and all other differences are listed too
     [](const fs::path& dir) {
       edit(dir / "model/config.json", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
       edit(dir / "model/config.json", "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5");
       std::vector<checkpoint::Tensor> tensors;
       const test::TinyTensors tiny(4);
       for (const checkpoint::Tensor& t : tiny.all()) {
         if (t.name != kEmbedding && t.name != kHead) tensors.push_back(t);
       }
       fs::remove(dir / "model/model.safetensors");
       checkpoint::write_safetensors(dir / "model/model.safetensors", tensors, {});
     },
     ExitCode::kBadInput,
     {"10 differences", "missing     model.embed_tokens.weight", "missing     model.layers.4.mlp.up_proj.weight"}},
    {"head_for_an_embedding_that_is_not_tied",
     [](const fs::path& dir) {
       std::vector<checkpoint::Tensor> tensors;
       const test::TinyTensors tiny(4);
       for (const checkpoint::Tensor& t : tiny.all()) {
         if (t.name != kEmbedding) tensors.push_back(t);
       }
       fs::remove(dir / "model/model.safetensors");
       checkpoint::write_safetensors(dir / "model/model.safetensors", tensors, {});
     },
     ExitCode::kBadInput,
     {"1 difference", "missing     model.embed_tokens.weight"}},
    {"tied_is_text",
     config("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": \"no\""),
     ExitCode::kBadInput,
     {"tie_word_embeddings"}},
    {"biases_missing", config_with(R"("mlp_bias": true)"), ExitCode::kBadInput, {"mlp.gate_proj.bias"}},
    {"layer_types_too_short",
     config_with(R"("layer_types": ["full_attention"])"),
     ExitCode::kBadInput,
     {"layer_types", "4 entries", "1 entries"}},
    {"layer_types_of_others",
     config_with(R"("layer_types": ["full_attention", "linear_attention", "full_attention", "full_attention"])"),
     ExitCode::kUnsupported,
     {"layer_types"}},
};

class HostileConfig : public ::testing::TestWithParam<HostileCase> {};

TEST_P(HostileConfig, IsRefused) {
  test::expect_refused(GetParam(), [](const fs::path& dir) { read_spec(checkpoint::Checkpoint(dir / "model")); });
}

INSTANTIATE_TEST_SUITE_P(Cases, HostileConfig, ::testing::ValuesIn(kCases), test::HostileName());

}  // namespace
}  // namespace shorten::family
