// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shorten {

std::string human_bytes(uint64_t bytes);     // "29.2 MB" (powers of 1000, as disks and the Hub count)
std::string human_count(uint64_t count);     // "14.56 M", "6.74 B"
std::string with_separators(int64_t value);  // "14,561,472"
std::string human_seconds(double seconds);   // "0.8 s", "12 s", "3 min 20 s", "2 h 05 min"

// "5.5B", "14M", "9GB", "700 MiB": a number with an optional factor (K M B G T, Ki Mi Gi Ti) and an
// optional final "B" for bytes; small letters will do. Throws usage_error that names `option`.
uint64_t parse_count(std::string_view text, std::string_view option);  // B = 10^9
uint64_t parse_bytes(std::string_view text, std::string_view option);  // B = byte

}  // namespace shorten
