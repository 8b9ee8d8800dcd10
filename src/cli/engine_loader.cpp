// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>

#include "cli/common.h"
#include "core/error.h"
#include "core/system.h"

namespace shorten::cli {
namespace {

// How LibTorch's threads wait for the next parallel loop. By default they spin: with another process on one of two
// cores, a loop then waits for a thread that waits for a core. Sleeping threads do not do that, but waking them takes
// some tens of µs, and a token is a hundred loops; so where nobody else runs they spin for some tenths of a millisecond
// first. libgomp reads this once, when it is loaded.
void choose_waiting() {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
  if (!others_run()) ::setenv("GOMP_SPINCOUNT", "30000", /*overwrite=*/0);
}

// The same buffers are wanted again for every block. Given back to the system in between, each of their pages would be
// a fault and a page of zeros the next time.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kLargest = 32 << 20;  // what malloc asks the system for one by one; more is not allowed
  ::mallopt(M_MMAP_THRESHOLD, kLargest);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_TOP_PAD, 2 * kLargest);
#endif
}

}  // namespace

const Engine& engine() {
  static const Engine* const loaded = [] {
    choose_waiting();
    keep_freed_memory();
    const std::filesystem::path library =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libshorten_torch.so";
    void* handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_GLOBAL);
    if (!handle)
      throw Error(ExitCode::kFault, "cannot load the computing part of shorten")
          .file(library)
          .found(::dlerror())
          .help("run ./quickstart.sh again: it installs LibTorch and builds");
    const auto entry = reinterpret_cast<const Engine* (*)()>(::dlsym(handle, "shorten_engine"));
    if (!entry) throw Error(ExitCode::kFault, "libshorten_torch.so is of another version").file(library);
    return entry();
  }();
  return *loaded;
}

}  // namespace shorten::cli
