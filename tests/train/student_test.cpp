// SPDX-License-Identifier: Apache-2.0
#include "train/student.h"

#include <gmock/gmock.h>

#include "model/loader.h"
#include "test_data.h"
#include "toy_family.h"

namespace shorten::train {
namespace {

TEST(Student, AdaptersAreCountedAndScaledBeforeTheyAreMade) {
  const checkpoint::Checkpoint files(test::source_dir() / "tests/golden/models/llama-gqa");
  recipe::Settings settings;
  settings.rank = 9;
  settings.alpha = 6;
  const std::vector<std::vector<std::string>> choices = {
      settings.targets, {"q_proj"}, {"k_proj", "v_proj", "down_proj"}, {"gate_proj", "o_proj"}};
  for (const auto& targets : choices) {
    for (const bool stabilised : {false, true}) {
      settings.targets = targets;
      settings.rank_stabilised = stabilised;
      const Student student = make_lora_student(model::load(files, at::kCPU, at::kFloat), settings);
      uint64_t numbers = 0;
      for (const Trainable& t : student.trainables) numbers += static_cast<uint64_t>(t.master.numel());
      EXPECT_EQ(count_adapter(student.model.spec, settings), numbers);
      EXPECT_GE(numbers, static_cast<uint64_t>(count_trained(student)));
      EXPECT_DOUBLE_EQ(student.scale, stabilised ? 2 : 6.0 / 9) << "alpha / sqrt(r), alpha / r";
    }
  }
}

std::vector<std::string> names_of(const Student& student, size_t block) {
  std::vector<std::string> out;
  for (size_t i = student.begin[block]; i < student.begin[block + 1]; ++i) out.push_back(student.trainables[i].name);
  return out;
}

// Saved states hold tensors under these names: runs of older versions go on only if they stay.
TEST(Student, NamesInSavedStatesDoNotDependOnTheFamily) {
  const test::TempDir temp;
  const checkpoint::Checkpoint toy(
      test::write_toy(test::source_dir() / "tests/golden/models/llama-bias", temp / "toy"));
  const auto load = [&] { return model::load(toy, test::toy_spec(toy), at::kCPU, at::kFloat); };
  const Student full = make_full_student(load(), at::kFloat);
  EXPECT_THAT(names_of(full, 1),
              ::testing::ElementsAre("1.qkv", "1.qkv.bias", "1.o", "1.o.bias", "1.gate_up", "1.gate_up.bias", "1.down",
                                     "1.down.bias", "1.input_norm", "1.post_attention_norm"));
  EXPECT_THAT(names_of(make_lora_student(load(), {}), 1),
              ::testing::ElementsAre("1.qkv.a", "1.qkv.b", "1.o.a", "1.o.b", "1.gate_up.a", "1.gate_up.b", "1.down.a",
                                     "1.down.b"));
  const model::CausalLm qwen =
      model::load(checkpoint::Checkpoint(test::source_dir() / "tests/golden/models/qwen3"), at::kCPU, at::kFloat);
  EXPECT_THAT(names_of(make_full_student(qwen, at::kFloat), 0),
              ::testing::ElementsAre("0.qkv", "0.o", "0.gate_up", "0.down", "0.input_norm", "0.post_attention_norm",
                                     "0.q_norm", "0.k_norm"));
}

}  // namespace
}  // namespace shorten::train
