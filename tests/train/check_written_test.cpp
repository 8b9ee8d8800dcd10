// SPDX-License-Identifier: Apache-2.0
#include "train/check_written.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "model/loader.h"
#include "temp_dir.h"

namespace shorten::train {
namespace {

const std::vector<int32_t> kProbe = {1, 300, 17, 2048, 99, 5, 640, 3333};

// A checkpoint in BF16 whose student is trained in `dtype`; what training does is a little noise in every number.
class WrittenTest : public ::testing::TestWithParam<std::tuple<recipe::Method, at::ScalarType>> {
 protected:
  WrittenTest() {
    const at::NoGradGuard guard;
    at::manual_seed(7);
    recipe::Settings settings;
    settings.method = method();
    settings.rank = 4;
    const bool full = method() == recipe::Method::kFull;
    model::CausalLm model = model::load(files, at::kCPU, full ? at::kFloat : dtype());
    student = full ? make_full_student(std::move(model), dtype()) : make_lora_student(std::move(model), settings);
    for (Trainable& t : student.trainables) {
      const Tensor noise = at::randn(t.master.sizes()) * 3e-3;
      t.master.add_(t.mask.defined() ? noise * t.mask : noise);
    }
    round_to_compute(student.trainables);
    write_model(student, base(), kProbe, Json{{"format", "shorten.healed"}}, written);
  }

  static recipe::Method method() { return std::get<0>(GetParam()); }
  static at::ScalarType dtype() { return std::get<1>(GetParam()); }
  Base base() const { return {files, family::read_spec(files), ""}; }

  const checkpoint::Checkpoint files{fs::path(SHORTEN_SOURCE_DIR) / "examples" / "novelist-14m"};
  const test::TempDir temp;
  const fs::path written = temp / "model";
  Student student;
};

TEST_P(WrittenTest, WhatWasTrainedIsWhatIsWritten) { check_written(student, base(), kProbe, written); }

// One module that is not what was trained shows, where its share is as small as roundings too.
TEST_P(WrittenTest, ASmallShareOfOneModuleIsSeen) {
  const at::NoGradGuard guard;
  for (Trainable& t : student.trainables) {
    if (t.name != (method() == recipe::Method::kFull ? "17.down" : "17.down.b")) continue;
    t.master.mul_(method() == recipe::Method::kFull ? 1.01 : 0);
    EXPECT_THAT([&] { check_written(student, base(), kProbe, written); },
                ::testing::ThrowsMessage<Error>(::testing::HasSubstr("does not compute what was trained")));
    return;
  }
  FAIL() << "no such module";
}

INSTANTIATE_TEST_SUITE_P(All, WrittenTest,
                         ::testing::Combine(::testing::Values(recipe::Method::kLora, recipe::Method::kFull),
                                            ::testing::Values(at::kFloat, at::kBFloat16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == recipe::Method::kLora ? "Lora" : "Full") +
                                  (std::get<1>(info.param) == at::kFloat ? "Fp32" : "Bf16");
                         });

}  // namespace
}  // namespace shorten::train
