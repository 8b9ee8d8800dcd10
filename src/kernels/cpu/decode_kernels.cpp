// SPDX-License-Identifier: Apache-2.0
// Which of the tables this machine can run.
#include "kernels/cpu/decode_kernels.h"

namespace shorten::kernels::cpu {

#ifdef __x86_64__

bool runs(Isa isa) {
  if (isa == Isa::kAvx512) return __builtin_cpu_supports("x86-64-v4");
  if (isa == Isa::kAvx2) return __builtin_cpu_supports("x86-64-v3");
  return true;
}

const DecodeTable& decode_kernels(Isa isa) {
  if (isa == Isa::kAvx512) return kAvx512Kernels;
  return isa == Isa::kAvx2 ? kAvx2Kernels : kPortableKernels;
}

#else

bool runs(Isa isa) { return isa == Isa::kPortable; }
const DecodeTable& decode_kernels(Isa) { return kPortableKernels; }

#endif

const DecodeTable& decode_kernels() {
  static const DecodeTable& best = decode_kernels(runs(Isa::kAvx512) ? Isa::kAvx512
                                                  : runs(Isa::kAvx2) ? Isa::kAvx2
                                                                     : Isa::kPortable);
  return best;
}

}  // namespace shorten::kernels::cpu
