// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads.h"

#include <ATen/Parallel.h>
#include <omp.h>

// Of MKL, which LibTorch is built with on x86 and which has a number of threads of its own.
extern "C" __attribute__((weak)) int mkl_set_num_threads_local(int threads);

namespace shorten::kernels {

void compute_alone() {
  at::internal::lazy_init_num_threads();  // else the first parallel loop would set the number again
  omp_set_num_threads(1);                 // of this thread: an internal control variable
  if (mkl_set_num_threads_local) mkl_set_num_threads_local(1);
}

}  // namespace shorten::kernels
