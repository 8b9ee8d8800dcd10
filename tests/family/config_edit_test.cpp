// SPDX-License-Identifier: Apache-2.0
// Edits of config.json that are made; those that are refused are in hostile_test.cpp.
#include "family/config_edit.h"

#include <gmock/gmock.h>

#include "core/json.h"
#include "tiny_model.h"

namespace shorten::family {
namespace {

std::string edited(const std::string& text, int64_t blocks, const std::vector<int>& kept) {
  return edit_config(text, "config.json", blocks, kept);
}

TEST(EditConfig, ChangesTheNumberOfBlocksAndNothingElse) {
  const std::string text =
      "{\"z\":1E-05,\n\t\"num_hidden_layers\" :32, \"unknown\": {\"num_hidden_layers\": 32}, \"a\":[ ],\"z2\": "
      "1.50}\r\n";
  EXPECT_EQ(edited(text, 32, {0, 1, 5}),
            "{\"z\":1E-05,\n\t\"num_hidden_layers\" :3, \"unknown\": {\"num_hidden_layers\": 32}, \"a\":[ ],\"z2\": "
            "1.50}\r\n");
}

TEST(EditConfig, CutsLayerTypesInTheirLayout) {
  EXPECT_EQ(edited("{\"num_hidden_layers\": 4, \"layer_types\": [\"a\", \"b\", \"c\", \"d\"]}", 4, {0, 3}),
            "{\"num_hidden_layers\": 2, \"layer_types\": [\"a\", \"d\"]}");
  EXPECT_EQ(edited("{\n  \"layer_types\": [\n    \"a\",\n    \"b\",\n    \"c\"\n  ],\n  \"num_hidden_layers\": 3\n}", 3,
                   {1, 2}),
            "{\n  \"layer_types\": [\n    \"b\",\n    \"c\"\n  ],\n  \"num_hidden_layers\": 2\n}");
}

TEST(EditConfig, LowersTheThresholdOfWindows) {
  const auto threshold = [](int64_t old, const std::vector<int>& kept) {
    const Json config =
        Json::parse(edited(fmt::format("{{\"max_window_layers\": {}, \"num_hidden_layers\": 6}}", old), 6, kept));
    return config["max_window_layers"].get<int>();
  };
  EXPECT_EQ(threshold(3, {0, 1, 2, 3, 4}), 3);
  EXPECT_EQ(threshold(3, {0, 2, 4, 5}), 2);
  EXPECT_EQ(threshold(3, {3, 4, 5}), 0);
  EXPECT_EQ(threshold(0, {0, 5}), 0);
  EXPECT_EQ(threshold(6, {0, 5}), 2);
  EXPECT_EQ(threshold(28, {0, 2, 5}), 3);  // as in Qwen2 models with fewer blocks than that
}

TEST(EditConfig, ListsThatOnlyHappenToBeAsLongStay) {
  const std::string text =
      "{\"eos_token_id\": [1, 2], \"rope_scaling\": {\"long_factor\": [1, 1], \"short_factor\": [1, 1]}, "
      "\"bad_words_ids\": [[1, 2], [3, 4]], \"num_hidden_layers\": 2}";
  EXPECT_EQ(edited(text, 2, {1}), text.substr(0, text.size() - 2) + "1}");
}

TEST(EditConfig, FeaturesThatAreSwitchedOffDoNotStandInTheWay) {
  for (const char* key : {"\"quantization_config\": null", "\"mlp_only_layers\": []", "\"pruned_heads\": {}",
                          "\"sliding_window_pattern\": null", "\"sliding_window_pattern\": 1",
                          "\"decoder_sparse_step\": 1", "\"first_k_dense_replace\": 0", "\"use_sliding_window\": false",
                          "\"layer_types\": null", "\"no_rope_layers\": []"}) {
    const std::string text = fmt::format("{{{}, \"num_hidden_layers\": 4}}", key);
    EXPECT_EQ(edited(text, 4, {0, 1, 3}), fmt::format("{{{}, \"num_hidden_layers\": 3}}", key));
  }
}

TEST(EditConfig, APeriodBesideItsListIsNoObstacle) {
  EXPECT_EQ(edited("{\"num_hidden_layers\": 3, \"sliding_window_pattern\": 2, \"layer_types\": [1,2,3]}", 3, {0, 2}),
            "{\"num_hidden_layers\": 2, \"sliding_window_pattern\": 2, \"layer_types\": [1,3]}");
}

}  // namespace
}  // namespace shorten::family
