// SPDX-License-Identifier: Apache-2.0
#include "engine/open.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>

#include "core/build_id.h"
#include "core/check.h"
#include "core/error.h"
#include "core/system.h"

namespace shorten::engine {
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

// The folder that libshorten.so was loaded from.
std::filesystem::path library_folder() {
  Dl_info info{};
  SHORTEN_CHECK(::dladdr(reinterpret_cast<void*>(&library_folder), &info) != 0,
                "a library that does not know where it is");
  return std::filesystem::canonical(info.dli_fname).parent_path();
}

const Table* load() {
  choose_waiting();
  keep_freed_memory();
  const std::filesystem::path library = library_folder() / "libshorten_torch.so";
  void* handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_GLOBAL);
  if (!handle)
    throw Error(ExitCode::kFault, "cannot load the computing part of shorten")
        .file(library)
        .found(::dlerror())
        .help("run ./quickstart.sh again: it installs LibTorch and builds");
  const auto entry = reinterpret_cast<const Table* (*)()>(::dlsym(handle, "shorten_engine"));
  const Table* table = entry ? entry() : nullptr;
  check_build_id(table ? table->build_id : nullptr, library);
  return table;
}

}  // namespace

ModelSource source_of(family::ModelPtr model) {
  family::ModelSpec spec = model->spec();
  return {std::move(spec), std::move(model)};
}

const Table& open() {
  static const Table* const loaded = load();
  return *loaded;
}

}  // namespace shorten::engine
