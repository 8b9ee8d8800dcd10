// SPDX-License-Identifier: Apache-2.0
// Where a kernel is tested: a device and a dtype.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/torch.h"
#include "model/device.h"

namespace shorten::kernels {

// Opened before the first ATen call, as the plug-in demands.
inline const at::Device kAccelerator = model::open_device("auto");

struct Place {
  at::DeviceType device;
  at::ScalarType dtype;
};

inline std::string name_of(const ::testing::TestParamInfo<Place>& info) {
  return std::string(info.param.device == at::kCPU ? "Cpu" : "Cuda") + at::toString(info.param.dtype);
}

class PlaceTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().device != at::kCPU && !kAccelerator.is_cuda()) GTEST_SKIP() << "no CUDA device";
    at::manual_seed(7);
  }
};

inline const Place kEverywhere[] = {{at::kCPU, at::kFloat},  {at::kCPU, at::kBFloat16},  {at::kCPU, at::kHalf},
                                    {at::kCUDA, at::kFloat}, {at::kCUDA, at::kBFloat16}, {at::kCUDA, at::kHalf}};
inline const Place kWhereTrained[] = {  // bf16 takes the place of fp16
    {at::kCPU, at::kFloat},
    {at::kCPU, at::kBFloat16},
    {at::kCUDA, at::kFloat},
    {at::kCUDA, at::kBFloat16}};

}  // namespace shorten::kernels
