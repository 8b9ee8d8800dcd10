// SPDX-License-Identifier: Apache-2.0
// The kernels of a decoding step for any machine.
#include "kernels/cpu/decode_table.h"

namespace shorten::kernels::cpu {
const DecodeTable kPortableKernels = kTable;
}
