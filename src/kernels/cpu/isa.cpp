// SPDX-License-Identifier: Apache-2.0
// Which of the tables this machine can run.
#include "kernels/cpu/isa.h"

namespace shorten::kernels::cpu {

#ifdef __x86_64__

bool runs(Isa isa) {
  if (isa == Isa::kAvx512) return __builtin_cpu_supports("x86-64-v4");
  if (isa == Isa::kAvx2) return __builtin_cpu_supports("x86-64-v3");
  return true;
}

const KernelTable& kernel_table(Isa isa) {
  if (isa == Isa::kAvx512) return kAvx512Kernels;
  return isa == Isa::kAvx2 ? kAvx2Kernels : kPortableKernels;
}

#else

bool runs(Isa isa) { return isa == Isa::kPortable; }
const KernelTable& kernel_table(Isa) { return kPortableKernels; }

#endif

const KernelTable& kernel_table() {
  static const KernelTable& best = kernel_table(runs(Isa::kAvx512) ? Isa::kAvx512
                                                : runs(Isa::kAvx2) ? Isa::kAvx2
                                                                   : Isa::kPortable);
  return best;
}

}  // namespace shorten::kernels::cpu
