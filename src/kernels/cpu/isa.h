// SPDX-License-Identifier: Apache-2.0
// Kernels that are written with vectors of a certain width: a table of them for each instruction set.
#pragma once

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/decode_kernels.h"
#include "kernels/cpu/row_kernels.h"

namespace shorten::kernels::cpu {

template <typename T>
struct Kernels : DecodeKernels<T>, AttentionKernels<T>, RowKernels<T> {};

struct KernelTable {
  Kernels<float> fp32;
  Kernels<Bf16> bf16;
  Kernels<Half> fp16;

  const Kernels<float>& of(float) const { return fp32; }
  const Kernels<Bf16>& of(Bf16) const { return bf16; }
  const Kernels<Half>& of(Half) const { return fp16; }
};

enum class Isa { kPortable, kAvx2, kAvx512 };
bool runs(Isa isa);
const KernelTable& kernel_table(Isa isa);  // REQUIRES runs(isa)
const KernelTable& kernel_table();         // the best that runs

extern const KernelTable kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace shorten::kernels::cpu
