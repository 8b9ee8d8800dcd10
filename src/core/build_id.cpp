// SPDX-License-Identifier: Apache-2.0
#include "core/build_id.h"

#include <string_view>

#include "core/error.h"
#include "shorten_build_id.h"

namespace shorten {

const char* const kBuildId = SHORTEN_BUILD_ID;

void check_build_id(const char* other, const std::filesystem::path& library) {
  if (other && std::string_view(other) == kBuildId) return;
  throw Error(ExitCode::kFault, "a library of another build")
      .file(library)
      .expected(kBuildId)
      .found(other ? other : "a library that does not say which")
      .help("build everything again, or remove the older library");
}

}  // namespace shorten
