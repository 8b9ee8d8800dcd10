// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels/cpu/isa.h for x86-64-v4: AVX-512.
#ifdef __AVX512F__
#include "kernels/cpu/table.h"

namespace shorten::kernels::cpu {
const KernelTable kAvx512Kernels = kTable;
}
#endif
