// SPDX-License-Identifier: Apache-2.0
// How many rows go at once: never more than fits, more with more memory, blocks computed again only where it helps.
#include "train/memory.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace shorten::train {
namespace {

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest() {
    family::BlockSpec block;
    block.hidden = 4096;
    block.heads = 32;
    block.kv_heads = 8;
    block.head_dim = 128;
    block.intermediate = 11008;
    spec.vocabulary = 32000;
    spec.hidden = 4096;
    spec.blocks.assign(24, block);
    settings.length = 256;
    settings.batch = 64;
    inputs.rows = settings.batch;
    inputs.element = 2;
    inputs.frozen = kFrozen;
    inputs.trained = 20'000'000;
    inputs.on_cpu = false;
  }

  static constexpr uint64_t kGiB = uint64_t{1} << 30, kFrozen = 13 * kGiB;
  family::ModelSpec spec;
  recipe::Settings settings;
  MemoryInputs inputs{spec};
};

TEST_F(MemoryTest, FitsAndGrowsWithMemory) {
  int64_t rows = 0;
  int plans = 0;
  for (uint64_t room = kFrozen; room < 200 * kGiB; room += kGiB / 2) {
    MemoryPlan plan;
    try {
      plan = plan_memory(inputs, settings, room);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kNoSpace);
      EXPECT_EQ(plans, 0) << "more memory is never too little";
      continue;
    }
    ++plans;
    EXPECT_LE(plan.bytes, room);
    EXPECT_GT(plan.bytes, inputs.frozen + inputs.trained * 18);
    EXPECT_LE(plan.micro_batch, settings.batch);
    EXPECT_GE(plan.micro_batch, plan.recompute ? 1 : rows == 0 ? 1 : std::min<int64_t>(rows, 8));
    rows = plan.micro_batch;
  }
  EXPECT_GT(plans, 300);
  EXPECT_EQ(rows, 64);
}

TEST_F(MemoryTest, BlocksAreComputedAgainWhereMemoryIsShort) {
  const MemoryPlan roomy = plan_memory(inputs, settings, 400 * kGiB);
  EXPECT_FALSE(roomy.recompute);
  settings.recompute = recipe::Recompute::kOff;
  settings.micro_batch = 8;
  const uint64_t kept = plan_memory(inputs, settings, 400 * kGiB).bytes;
  settings.recompute = recipe::Recompute::kOn;
  const uint64_t again = plan_memory(inputs, settings, 400 * kGiB).bytes;
  EXPECT_LT(again, kept);

  settings.recompute = recipe::Recompute::kAuto;
  EXPECT_FALSE(plan_memory(inputs, settings, kept).recompute);
  EXPECT_TRUE(plan_memory(inputs, settings, kept - 1).recompute);
  EXPECT_EQ(plan_memory(inputs, settings, kept - 1).micro_batch, 8) << "what was asked for";
  EXPECT_EQ(plan_memory(inputs, settings, again).bytes, again);
  EXPECT_THROW(plan_memory(inputs, settings, again - 1), Error);
  settings.recompute = recipe::Recompute::kOff;
  EXPECT_THROW(plan_memory(inputs, settings, kept - 1), Error);
}

TEST_F(MemoryTest, WhatDoesNotFitIsSaid) {
  try {
    plan_memory(inputs, settings, kGiB);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kNoSpace);
    EXPECT_THAT(e.expected(), ::testing::HasSubstr("1 row of 256 tokens"));
    EXPECT_THAT(e.found(), ::testing::HasSubstr("1.0"));
    EXPECT_THAT(e.help(), ::testing::HasSubstr("`length`"));
  }
}

TEST_F(MemoryTest, EverythingThatIsHeldCounts) {
  const uint64_t room = 400 * kGiB, plain = plan_memory(inputs, settings, room).bytes;
  inputs.hidden_matching = true;
  EXPECT_GT(plan_memory(inputs, settings, room).bytes, plain);
  inputs.hidden_matching = false;
  inputs.trained += 1000;
  EXPECT_EQ(plan_memory(inputs, settings, room).bytes, plain + 18000) << "master, sum, moments and a copy in bf16";
}

TEST_F(MemoryTest, OnACpuFewTokensAreEnough) {
  inputs.on_cpu = true;
  EXPECT_EQ(plan_memory(inputs, settings, 400 * kGiB).micro_batch, 8);
  settings.length = 4096;
  EXPECT_EQ(plan_memory(inputs, settings, 400 * kGiB).micro_batch, 1) << "a row at least";
}

}  // namespace
}  // namespace shorten::train
