// SPDX-License-Identifier: Apache-2.0
// Configurations and outputs that `prune` must refuse. To add a case: a line in a table.
#include "hostile.h"

#include <sys/mount.h>
#include <unistd.h>

#include "checkpoint/output_dir.h"
#include "prune/apply.h"
#include "pruned.h"

namespace shorten::test {
namespace {

using enum ExitCode;

// ------------------------------------------------------------- models that cannot be made shorter

// A key put into config.json of a model of four blocks.
HostileCase config_case(std::string name, std::string key_and_value, std::vector<std::string> mentions,
                        ExitCode code = kUnsupported) {
  mentions.push_back("config.json");
  return {std::move(name),
          [=](const fs::path& dir) {
            edit(dir / "model/config.json", "\"hidden_size\"", key_and_value + ", \"hidden_size\"");
          },
          code, std::move(mentions)};
}

// Weights of so many blocks where config.json says four.
HostileCase tensors_case(std::string name, int blocks, std::vector<std::string> mentions, ExitCode code) {
  return {std::move(name),
          [=](const fs::path& dir) {
            fs::remove(dir / "model/model.safetensors");
            checkpoint::write_safetensors(dir / "model/model.safetensors", TinyTensors(blocks).all(), {});
          },
          code, std::move(mentions)};
}

const std::vector<HostileCase> kConfigs = {
    config_case("unknown_list", "\"layer_scales\": [1, 2, 3, 4]", {"layer_scales", "4 entries"}),
    config_case("unknown_list_inside", "\"rope_scaling\": {\"a\": [{\"b\": [1, 2, 3, 4]}]}", {"rope_scaling.a.b"}),
    config_case("known_list_in_a_wrong_place", "\"text\": {\"layer_types\": [1, 2, 3, 4]}", {"text.layer_types"}),
    config_case("quantised", "\"quantization_config\": {\"bits\": 4}", {"quantization_config", "quantised"}),
    config_case("sliding_window_pattern", "\"sliding_window_pattern\": 6", {"sliding_window_pattern", "layer_types"}),
    config_case("no_rope_interval", "\"no_rope_layer_interval\": 4", {"no_rope_layer_interval", "no_rope_layers"}),
    config_case("full_attention_interval", "\"full_attention_interval\": 4", {"full_attention_interval"}),
    config_case("sparse_step", "\"decoder_sparse_step\": 2", {"decoder_sparse_step"}),
    config_case("mlp_only_layers", "\"mlp_only_layers\": [0]", {"mlp_only_layers", "number"}),
    config_case("first_k_dense", "\"first_k_dense_replace\": 1", {"first_k_dense_replace"}),
    config_case("next_tokens", "\"num_nextn_predict_layers\": 1", {"num_nextn_predict_layers"}),
    config_case("window_without_threshold", "\"use_sliding_window\": true",
                {"use_sliding_window", "max_window_layers"}),
    config_case("layer_types_too_long", "\"layer_types\": [\"a\", \"b\", \"c\", \"d\", \"e\"]",
                {"layer_types", "4 entries", "5 entries"}, kBadInput),
    config_case("layer_types_no_list", "\"layer_types\": \"full\"", {"layer_types"}, kBadInput),
    config_case("threshold_no_number", "\"max_window_layers\": \"3\"", {"max_window_layers"}, kBadInput),
    {"fewer_blocks_than_it_says",
     [](const fs::path& dir) {
       edit(dir / "model/config.json", "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5");
     },
     kBadInput,
     {"config.json", "5 blocks", "missing     model.layers.4."}},
    tensors_case("more_blocks_than_it_says", 5, {"4 blocks", "unexpected  model.layers.4."}, kBadInput),
    tensors_case("block_without_tensors", 3, {"model.layers.3."}, kBadInput),
    {"readme_links_to_a_private_file",
     [](const fs::path& dir) {
       write(dir / "id_key", "secret");
       fs::create_symlink("../id_key", dir / "model/README.md");
     },
     kBadInput,
     {"README.md", "id_key", "link"}},
    {"licence_links_to_nowhere",
     [](const fs::path& dir) { fs::create_symlink("../gone", dir / "model/NOTICE"); },
     kBadInput,
     {"NOTICE", "nowhere"}},
};

plan::PrunePlan remove_block_1() {
  plan::PrunePlan plan;
  plan.remove = {{1, plan::Part::kWhole}};
  return plan;
}

void prune(const fs::path& dir, const fs::path& output, bool force = false) {
  apply(checkpoint::Checkpoint(dir / "model"), remove_block_1(), output, {}, force);
}

class HostileConfig : public testing::TestWithParam<HostileCase> {};
TEST_P(HostileConfig, IsRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) { prune(dir, dir / "out"); });
}
INSTANTIATE_TEST_SUITE_P(File, HostileConfig, testing::ValuesIn(kConfigs), HostileName());

// ----------------------------------------------------------------------------------------- outputs

struct OutputCase {
  HostileCase setting;
  std::string output;  // inside the folder of the case
  bool force;
};
void PrintTo(const OutputCase& c, std::ostream* out) { *out << c.setting.name; }

const auto kNothing = [](const fs::path&) {};
const auto kOldOutput = [](const fs::path& dir) { write_tiny_model(dir / "out", 3); };

const std::vector<OutputCase> kOutputs = {
    {{"exists", kOldOutput, kUsage, {"out", "exists", "`force`"}}, "out", false},
    {{"is_a_file", [](const fs::path& dir) { write(dir / "out", "x"); }, kUsage, {"out", "not a folder"}}, "out", true},
    {{"is_a_link_to_a_folder",
      [](const fs::path& dir) {
        write_tiny_model(dir / "real");
        fs::create_symlink("real", dir / "out");
      },
      kUsage,
      {"out", "not a folder"}},
     "out",
     true},
    {{"is_no_model",
      [](const fs::path& dir) { write(dir / "out/thesis.tex", "x"); },
      kUsage,
      {"out", "even with `force`"}},
     "out",
     true},
    {{"is_the_input", kNothing, kUsage, {"the output is the input"}}, "model", true},
    {{"is_the_input_by_another_way", kNothing, kUsage, {"the output is the input"}}, "model/../model/", true},
    {{"is_the_input_behind_a_link",
      [](const fs::path& dir) { fs::create_directory_symlink(".", dir / "loop"); },
      kUsage,
      {"the output is the input"}},
     "loop/model",
     true},
    {{"is_inside_the_input", kNothing, kUsage, {"inside the input"}}, "model/out", true},
    {{"is_deep_inside_the_input",
      [](const fs::path& dir) { fs::create_directory(dir / "model/sub"); },
      kUsage,
      {"inside the input"}},
     "model/sub/out",
     false},
    {{"contains_the_input",
      [](const fs::path& dir) { write(dir / "config.json", "{}"); },
      kUsage,
      {"contains an input"}},
     ".",
     true},
    {{"contains_weights_of_the_input",
      [](const fs::path& dir) {
        write_tiny_model(dir / "out");
        fs::remove(dir / "model/model.safetensors");
        fs::create_symlink("../out/model.safetensors", dir / "model/model.safetensors");
      },
      kUsage,
      {"contains an input", "model.safetensors"}},
     "out",
     true},
    {{"parent_missing", kNothing, kBadInput, {"does not exist", "gone", "mkdir -p"}}, "gone/out", false},
    {{"parent_is_a_file", kNothing, kBadInput, {"does not exist"}}, "model/config.json/out", false},
};

class HostileOutput : public testing::TestWithParam<OutputCase> {};
TEST_P(HostileOutput, IsRefused) {
  const OutputCase& c = GetParam();
  expect_refused(c.setting, [&](const fs::path& dir) { prune(dir, dir / c.output, c.force); });
}
INSTANTIATE_TEST_SUITE_P(Path, HostileOutput, testing::ValuesIn(kOutputs),
                         [](const auto& info) { return info.param.setting.name; });

TEST(HostileDisk, TooSmallForTheOutputIsRefusedBeforeAnythingIsWritten) {
  const HostileCase c{"", kNothing, kNoSpace, {"out", "not enough room", "9223372036854775808 bytes"}};
  expect_refused(
      c, [](const fs::path& dir) { checkpoint::OutputDir(dir / "out", {dir / "model"}, uint64_t{1} << 63, false); });
}

TEST(HostileDisk, FullWhileWritingLeavesNothing) {
  const TempDir disk;
  if (::geteuid() != 0 || ::mount("tmpfs", disk.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "no right to mount a small file system";
  }
  try {
    // The promise of 1 byte gets past the check of the free space, as another program's writing would.
    checkpoint::OutputDir out(disk / "out", {}, 1, false);
    out.write("config.json", "{}");
    out.write("model.safetensors", std::string(1 << 20, 'x'));
    ADD_FAILURE() << "a megabyte went into 64 kilobytes";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), kNoSpace);
    EXPECT_THAT(e.block(), testing::AllOf(testing::HasSubstr("disk is full"), testing::HasSubstr("1048576 bytes"),
                                          testing::HasSubstr("model.safetensors")));
  }
  EXPECT_TRUE(fs::is_empty(disk.path()));
  ::umount(disk.path().c_str());
}

}  // namespace
}  // namespace shorten::test
