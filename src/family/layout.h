// SPDX-License-Identifier: Apache-2.0
// How a block is built.
#pragma once

namespace shorten::family {

// The two residual branches of a block.
enum class Half { kAttention, kMlp };

}  // namespace shorten::family
