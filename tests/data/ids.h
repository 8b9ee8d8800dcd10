// SPDX-License-Identifier: Apache-2.0
// Expected rows, in short.
#pragma once

#include <vector>

#include "data/encode.h"

namespace shorten::data {

using Ids = std::vector<TokenId>;
constexpr TokenId X = kIgnored;

}  // namespace shorten::data
