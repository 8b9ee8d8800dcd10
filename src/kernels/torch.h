// SPDX-License-Identifier: Apache-2.0
// The one place that includes LibTorch's big headers; precompiled for every room above the torch line.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

namespace shorten {

using at::Tensor;

}  // namespace shorten
