// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads.h"

#include <ATen/Parallel.h>
#include <omp.h>

// Of MKL, which LibTorch is built with on x86 and which has a number of threads of its own.
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);

namespace shorten::kernels {

void compute_alone() {
  at::internal::lazy_init_num_threads();  // else the first parallel loop would set the number again
  omp_set_num_threads(1);                 // of this thread: an internal control variable
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(1);
}

}  // namespace shorten::kernels
