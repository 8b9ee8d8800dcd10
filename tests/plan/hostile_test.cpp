// SPDX-License-Identifier: Apache-2.0
// Scores, plans, configurations and outputs that must be refused. To add a case: a line in a table.
#include "hostile.h"

#include <sys/mount.h>
#include <unistd.h>

#include "checkpoint/output_dir.h"
#include "plan/apply.h"
#include "plan/scores.h"

namespace shorten::test {
namespace {

using enum ExitCode;

// ------------------------------------------------------------------------------------- scores.json

std::string sound_scores() {
  return R"({"format": "shorten.scores", "version": 1,
 "model": {"path": "m", "family": "llama", "blocks": 3, "fingerprint": "sha256:)" +
         std::string(64, 'a') + R"("},
 "calibration": {"sources": [{"path": "t.txt", "sha256": "00"}], "samples": 10, "length": 128, "bos": "none", "seed": 1},
 "baseline": {"perplexity": 32.6},
 "criteria": {"ppl": {"scores": [9.5, 1.5, "inf"], "order": [1, 0, 2],
   "detail": {"0": {"w": 1}, "1": {"w": 2}, "2": {"w": "inf"}}}}}
)";
}

HostileCase scores_case(std::string name, std::string from, std::string to, std::vector<std::string> mentions) {
  mentions.push_back("scores.json");
  return {std::move(name), [=](const fs::path& dir) { write(dir / "scores.json", replaced(sound_scores(), from, to)); },
          kBadInput, std::move(mentions)};
}

const std::vector<HostileCase> kScores = {
    {"missing", [](const fs::path&) {}, kBadInput, {"scores.json"}},
    {"empty",
     [](const fs::path& dir) { write(dir / "scores.json", ""); },
     kBadInput,
     {"scores.json", "not valid JSON"}},
    scores_case("other_format", "shorten.scores", "shorten.plan", {"format", "shorten.scores", "shorten.plan"}),
    scores_case("no_format", "\"format\"", "\"x\"", {"format"}),
    scores_case("version_2", "\"version\": 1", "\"version\": 2", {"version", "newer"}),
    scores_case("version_text", "\"version\": 1", "\"version\": \"1\"", {"version"}),
    scores_case("no_model", "\"model\"", "\"x\"", {"model"}),
    scores_case("no_blocks", "\"blocks\"", "\"x\"", {"model", "blocks"}),
    scores_case("blocks_negative", "\"blocks\": 3", "\"blocks\": -3", {"blocks", "-3"}),
    scores_case("blocks_huge", "\"blocks\": 3", "\"blocks\": 4294967299", {"blocks"}),
    scores_case("fingerprint_short", "aaaa\"", "\"", {"fingerprint", "sha256:"}),
    scores_case("fingerprint_no_hex", "aaaa\"", "aaaX\"", {"fingerprint"}),
    scores_case("too_few_scores", "9.5, ", "", {"ppl", "scores", "3, one a block"}),
    scores_case("score_nan", "9.5", "\"nan\"", {"ppl", "scores", "entry 0", "nan"}),
    scores_case("score_nan_literal", "9.5", "NaN", {"not valid JSON", "line 5"}),
    scores_case("score_null", "9.5", "null", {"scores", "entry 0", "null"}),
    scores_case("score_minus_infinity", "9.5", "\"-inf\"", {"scores", "-inf"}),
    scores_case("order_contradicts", "[1, 0, 2]", "[0, 1, 2]", {"ppl", "order", "[1,0,2]"}),
    scores_case("order_short", "[1, 0, 2]", "[1, 0]", {"order"}),
    scores_case("order_repeats", "[1, 0, 2]", "[1, 0, 0]", {"order"}),
    scores_case("detail_short", ", \"2\": {\"w\": \"inf\"}", "", {"detail", "3 entries"}),
    scores_case("detail_of_another_block", "\"2\": {", "\"3\": {", {"detail", "\"2\""}),
    scores_case("detail_no_number", "\"w\": 2", "\"w\": []", {"detail", "\"w\""}),
    scores_case("no_criterion", "\"ppl\"", "\"ppl\": {}, \"x\"", {"ppl", "scores"}),
    scores_case("seed_negative", "\"seed\": 1", "\"seed\": -1", {"calibration", "seed"}),
    scores_case("duplicate_key", "\"version\": 1", "\"version\": 1, \"version\": 1", {"twice", "version"}),
};

class HostileScores : public testing::TestWithParam<HostileCase> {};
TEST_P(HostileScores, AreRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) { plan::read_scores(dir / "scores.json"); });
}
INSTANTIATE_TEST_SUITE_P(File, HostileScores, testing::ValuesIn(kScores), HostileName());

// --------------------------------------------------------------------------------------- plan.json

HostileCase plan_case(std::string name, std::string rest, std::vector<std::string> mentions) {
  mentions.push_back("plan.json");
  return {std::move(name),
          [=](const fs::path& dir) {
            write(dir / "plan.json", "{\"format\": \"shorten.plan\", \"version\": 1, " + rest + "}");
          },
          kBadInput, std::move(mentions)};
}

const std::vector<HostileCase> kPlans = {
    {"other_format",
     [](const fs::path& dir) { write(dir / "plan.json", sound_scores()); },
     kBadInput,
     {"plan.json", "shorten.plan", "shorten.scores"}},
    {"version_2",
     [](const fs::path& dir) {
       write(dir / "plan.json", R"({"format": "shorten.plan", "version": 2, "remove": [1]})");
     },
     kBadInput,
     {"plan.json", "version"}},
    {"an_array", [](const fs::path& dir) { write(dir / "plan.json", "[1, 2]"); }, kBadInput, {"plan.json", "object"}},
    plan_case("no_remove", "\"removed\": [1]", {"remove", "missing"}),
    plan_case("remove_nothing", "\"remove\": []", {"remove", "no block"}),
    plan_case("remove_number", "\"remove\": 1", {"remove", "array"}),
    plan_case("remove_text", "\"remove\": [\"1\"]", {"remove"}),
    plan_case("remove_fraction", "\"remove\": [1.0]", {"remove"}),
    plan_case("remove_negative", "\"remove\": [-1]", {"remove", "-1"}),
    plan_case("remove_twice", "\"remove\": [1, 2, 1]", {"remove", "block 1", "twice"}),
    plan_case("remove_out_of_range", "\"remove\": [1, 4]", {"remove", "0 to 3", "4"}),
    plan_case("remove_far_out_of_range", "\"remove\": [18446744073709551615]", {"remove"}),
    plan_case("remove_all", "\"remove\": [0, 1, 2, 3]", {"every block", "at most 3 of 4"}),
    plan_case("remove_what_is_kept", "\"remove\": [1], \"keep\": [0, 1]", {"keep", "block 1"}),
    plan_case("other_number_of_blocks", "\"remove\": [1], \"model\": {\"blocks\": 32}", {"blocks", "32", "4"}),
    plan_case("other_model", "\"remove\": [1], \"model\": {\"fingerprint\": \"sha256:" + std::string(64, 'b') + "\"}",
              {"another model", "fingerprint", "bbbb"}),
    plan_case("fingerprint_damaged", "\"remove\": [1], \"model\": {\"fingerprint\": \"md5:00\"}", {"fingerprint"}),
};

class HostilePlan : public testing::TestWithParam<HostileCase> {};
TEST_P(HostilePlan, IsRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) {
    const checkpoint::Checkpoint model(dir / "model");
    plan::check_plan(plan::read_plan(dir / "plan.json"), dir / "plan.json", model.fingerprint(), 4);
  });
}
INSTANTIATE_TEST_SUITE_P(File, HostilePlan, testing::ValuesIn(kPlans), HostileName());

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
     {"config.json", "num_hidden_layers"}},
    tensors_case("more_blocks_than_it_says", 5, {"model.safetensors", "model.layers.4."}, kUnsupported),
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
  plan.remove = {1};
  return plan;
}

void prune(const fs::path& dir, const fs::path& output, bool force = false) {
  const checkpoint::Checkpoint model(dir / "model");
  plan::apply(model, 4, "", remove_block_1(), output, {}, force);
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
    {{"exists", kOldOutput, kUsage, {"out", "exists", "--force"}}, "out", false},
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
      {"out", "even with --force"}},
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
