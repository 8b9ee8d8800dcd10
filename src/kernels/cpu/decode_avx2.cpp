// SPDX-License-Identifier: Apache-2.0
// The kernels of a decoding step for x86-64-v3: AVX2, FMA, F16C.
#ifdef __AVX2__
#include "kernels/cpu/decode_table.h"

namespace shorten::kernels::cpu {
const DecodeTable kAvx2Kernels = kTable;
}
#endif
