// SPDX-License-Identifier: Apache-2.0
// Which sources a library was built from. Libraries that are opened at run time hand structures to one another whose
// layout only headers know, so each says what it was built from, and another build is refused.
#pragma once

#include <filesystem>

namespace shorten {

// A hash over all headers in src/, which cmake/BuildId.cmake writes into every library anew.
extern const char* const kBuildId;  // of libshorten.so

// Throws Error(kFault) unless `other`, what `library` says of itself or null, is the same.
void check_build_id(const char* other, const std::filesystem::path& library);

}  // namespace shorten
