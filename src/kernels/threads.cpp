// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads.h"

#include <ATen/Parallel.h>
#include <omp.h>

// Of MKL, which LibTorch is built with on x86 and which has a number of threads of its own.
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);

namespace shorten::kernels {

void compute_alone() {
  // LibTorch sets up each thread once when it is first asked: now, or the first parallel loop would set the number
  // again. Its inline functions keep a flag of their own in every library, so both are asked, its own and ours.
  at::get_num_threads();
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(1);  // of this thread: an internal control variable
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(1);
}

}  // namespace shorten::kernels
