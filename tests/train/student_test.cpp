// SPDX-License-Identifier: Apache-2.0
#include "train/student.h"

#include <gtest/gtest.h>

#include "model/loader.h"
#include "test_data.h"

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

}  // namespace
}  // namespace shorten::train
