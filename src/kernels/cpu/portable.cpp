// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels/cpu/isa.h for any machine.
#include "kernels/cpu/table.h"

namespace shorten::kernels::cpu {
const KernelTable kPortableKernels = kTable;
}
