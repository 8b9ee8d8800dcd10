// SPDX-License-Identifier: Apache-2.0
// The way across the torch line: loads libshorten_torch.so, which lies beside libshorten.so, when it is first wanted.
#pragma once

#include "engine/engine.h"

namespace shorten::engine {

// The same table at every call. Throws Error(kFault) if the library does not load, or was built from other sources than
// this one: their structures need not have the same layout.
//
// The first call changes the process, because LibTorch's thread pool and allocator are shared by all of it: it sets
// OMP_WAIT_POLICY and GOMP_SPINCOUNT where the user has not, and glibc keeps freed memory for the next block.
const Table& open();

}  // namespace shorten::engine
