// SPDX-License-Identifier: Apache-2.0
#include "family/file_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::family {

std::string read_fingerprint(const JsonObject& model) {
  constexpr std::string_view kPrefix = "sha256:", kHex = "0123456789abcdef";
  const std::string& text = model.string("fingerprint");
  const std::string_view digits = std::string_view(text).substr(std::min(kPrefix.size(), text.size()));
  if (!text.starts_with(kPrefix) || digits.size() != 64 || digits.find_first_not_of(kHex) != std::string_view::npos) {
    throw model.error("not a fingerprint", "fingerprint").expected("sha256: and 64 digits 0-9, a-f");
  }
  return text;
}

std::vector<int> read_blocks(const JsonObject& json, std::string_view key) {
  std::vector<int> blocks;
  for (const Json& v : json.array(key)) {
    const bool index = v.is_number_integer() && v >= 0 && v < kMaxBlocks;
    if (!index)
      throw json.error("not a list of blocks", key).expected("integers from 0").found(printable(v.dump(), 60));
    blocks.push_back(v.get<int>());
  }
  std::sort(blocks.begin(), blocks.end());
  if (const auto twice = std::adjacent_find(blocks.begin(), blocks.end()); twice != blocks.end()) {
    throw json.error(fmt::format("block {} is named twice", *twice), key);
  }
  return blocks;
}

}  // namespace shorten::family
