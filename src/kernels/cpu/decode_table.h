// SPDX-License-Identifier: Apache-2.0
// The table of kernels of the instruction set that the including file is compiled for.
#pragma once

#include "kernels/cpu/decode_attention.h"
#include "kernels/cpu/decode_products.h"
#include "kernels/cpu/decode_rope.h"

namespace shorten::kernels::cpu {
namespace {

template <typename T>
constexpr DecodeKernels<T> kKernels = {prepare<T>, linear<T>, swiglu<T>, rope<T>, attend<T>, merge<T>};
constexpr DecodeTable kTable = {kKernels<float>, kKernels<Bf16>, kKernels<Half>};

}  // namespace
}  // namespace shorten::kernels::cpu
