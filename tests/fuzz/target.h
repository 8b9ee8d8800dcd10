// SPDX-License-Identifier: Apache-2.0
// What a fuzz target does with its bytes: it reads them as untrusted input. An Error is how damaged input is answered;
// every other exception, and what the sanitizers see, is a finding.
#pragma once

#include <unistd.h>

#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "temp_dir.h"

namespace shorten::fuzz {

inline std::string_view bytes(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

template <typename Read>
int run(const Read& read) {
  try {
    read();
  } catch (const Error&) {
  }
  return 0;
}

// The same for what is read from a file of this name, alone in its folder.
template <typename Read>
int run_on_file(const char* name, const uint8_t* data, size_t size, const Read& read) {
  static const test::TempDir folder;
  const fs::path file = test::write(folder / name, bytes(data, size));
  return run([&] { read(file); });
}

}  // namespace shorten::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
