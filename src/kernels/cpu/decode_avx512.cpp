// SPDX-License-Identifier: Apache-2.0
// The kernels of a decoding step for x86-64-v4: AVX-512.
#ifdef __AVX512F__
#include "kernels/cpu/decode_table.h"

namespace shorten::kernels::cpu {
const DecodeTable kAvx512Kernels = kTable;
}
#endif
