// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels/cpu/isa.h for x86-64-v3: AVX2.
#ifdef __AVX2__
#include "kernels/cpu/table.h"

namespace shorten::kernels::cpu {
const KernelTable kAvx2Kernels = kTable;
}
#endif
