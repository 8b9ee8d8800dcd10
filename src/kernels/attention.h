// SPDX-License-Identifier: Apache-2.0
// Attention over whole rows. Vaswani et al. 2017, section 3.2.1; with fewer key heads Ainslie et al. 2023.
#pragma once

#include "kernels/torch.h"

namespace shorten::kernels {

// qkv [N, T, H + 2 K, hd], rotated: `heads` query heads, `kv_heads` key heads and as many value heads. A token sees
// itself and tokens before it; all of them without a mask. mask [T, T] or [N, 1, T, T], dtype of qkv, is added to the
// scores: 0, or -inf for who is not seen. Scores are divided by √hd. → [N, T, H hd], dtype of qkv. Carries gradients to
// qkv. On a CPU it has kernels of its own, which skip what the mask hides.
Tensor attention(const Tensor& qkv, int64_t heads, int64_t kv_heads, const Tensor& mask);

namespace plain {
Tensor attention(const Tensor& qkv, int64_t heads, int64_t kv_heads, const Tensor& mask);
}

}  // namespace shorten::kernels
