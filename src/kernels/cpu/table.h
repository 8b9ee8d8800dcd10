// SPDX-License-Identifier: Apache-2.0
// The table of kernels of the instruction set that the including file is compiled for.
#pragma once

#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/decode_attention.h"
#include "kernels/cpu/decode_products.h"
#include "kernels/cpu/decode_rope.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/train_rows.h"

namespace shorten::kernels::cpu {
namespace {

template <typename T>
constexpr Kernels<T> kKernels = {{prepare<T>, linear<T>, swiglu<T>, rope<T>, attend<T>, merge<T>},
                                 {attend_rows<T>, attend_rows_backward<T>},
                                 {rms_norm_rows<T>, rope_rows<T>, swiglu_rows<T>, log_sum_exp_rows<T>,
                                  rms_norm_backward_rows<T>, swiglu_backward_rows<T>, dropout_rows<T>}};
constexpr KernelTable kTable = {kKernels<float>, kKernels<Bf16>, kKernels<Half>};

}  // namespace
}  // namespace shorten::kernels::cpu
