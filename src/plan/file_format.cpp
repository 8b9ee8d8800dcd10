// SPDX-License-Identifier: Apache-2.0
#include "plan/file_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/json_text.h"

namespace shorten::plan {

Json read_format(const fs::path& file) {
  const std::string text = read_file(file, 64 << 20);
  check_json_text(text, file, "", 50'000);  // keys: scores in detail have ten a block and criterion
  return parse_json(text, file);
}

void expect_format(const JsonObject& json, std::string_view format) {
  if (!json.has("format") || !json.at("format").is_string() || json.string("format") != format) {
    throw json.error("a file of another kind", "format").expected(fmt::format("\"{}\"", format));
  }
  if (json.integer("version", 1, INT64_MAX) != kFileVersion) {
    throw json.error("a version of this file that is not known", "version")
        .expected(fmt::format("{}", kFileVersion))
        .help("a newer shorten wrote it: use that one, or make the file again");
  }
}

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

}  // namespace shorten::plan
