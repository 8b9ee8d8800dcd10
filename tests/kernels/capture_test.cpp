// SPDX-License-Identifier: Apache-2.0
// Work that is recorded once and replayed.
#include <stdexcept>

#include "kernels/accelerator.h"
#include "kernels/place.h"

namespace shorten::kernels {
namespace {

class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kAccelerator.is_cuda()) GTEST_SKIP() << "no CUDA device";
    x = at::zeros({64}, at::TensorOptions(kAccelerator));
  }

  float value() const { return x[7].item<float>(); }

  Tensor x;
};

TEST_F(CaptureTest, IsReplayed) {
  const auto graph = capture(kAccelerator, [&] { x.add_(at::ones_like(x)); });
  x.zero_();
  for (int i = 0; i < 3; ++i) graph->replay();
  EXPECT_EQ(value(), 3);
}

// As memory that runs out does: the device is as usable as before.
TEST_F(CaptureTest, WorkThatFailsWhileItIsRecordedLeavesNothingBehind) {
  for (const bool breaks_the_recording : {false, true}) {
    int calls = 0;
    const auto work = [&] {
      x.add_(at::ones_like(x));
      if (++calls < 3) return;
      if (breaks_the_recording) value();  // waiting is not allowed there
      throw std::runtime_error("as it is recorded");
    };
    EXPECT_ANY_THROW(capture(kAccelerator, work));
    EXPECT_EQ(calls, 3);
    x = at::zeros_like(x);
    x.add_(at::ones({64}, x.options()));
    EXPECT_EQ(value(), 1);
    const auto graph = capture(kAccelerator, [&] { x.add_(at::ones_like(x)); });
    x.zero_();
    graph->replay();
    EXPECT_EQ(value(), 1);
  }
}

}  // namespace
}  // namespace shorten::kernels
